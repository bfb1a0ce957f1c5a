// Credentials: what an attempt costs, and that a wrong one costs as much as a right one.
//
// `--compare [TRIES]` measures the second instead: for each kind, right and wrong attempts take turns at random, and a line tells the
// medians, their difference in nanoseconds and in parts of the spread of one half of the right attempts against the other.
#include <benchmark/benchmark.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "auth/basic.h"
#include "auth/password_file.h"
#include "auth/signed_url.h"
#include "auth/text_coding.h"
#include "auth/token_file.h"

namespace {

using namespace ringgate;
using namespace ringgate::auth;

std::string token_of(std::size_t i) { return fmt::format("token-{:037}", i); }

std::shared_ptr<const DeviceTokens> tokens(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    TokenLine line;
    line.hash = sha256(bytes_of(token_of(i)));
    line.device = fmt::format("device-{}", i);
    text += print_token_line(line) + "\n";
  }
  return DeviceTokens::parse(text, "tokens").value();
}

std::shared_ptr<const PasswordFile> users(std::uint32_t iterations, std::uint32_t other_iterations) {
  const auto line = [](const char* user, const char* password, std::uint32_t count) {
    return print_password_line({user, hash_password(bytes_of(password), count), "", "", never}) + "\n";
  };
  return PasswordFile::parse(line("user", "right", iterations) + line("other", "right", other_iterations), "users").value();
}

const std::string url_secret(32, 's');
std::shared_ptr<const UrlKeys> url_keys(std::size_t count) {
  std::string text = "k0:" + encode_base64(bytes_of(url_secret), Base64::standard) + "\n";
  for (std::size_t i = 1; i < count; ++i) {
    text += fmt::format("k{}:{}\n", i, encode_base64(bytes_of(std::string(32, static_cast<char>(i))), Base64::standard));
  }
  return UrlKeys::parse(text, "keys").value();
}
std::string signed_query() {
  return sign_url("/ws", "deviceId=device-17", 4'000'000'000, "", Hmac(bytes_of(url_secret))).value().substr(4);
}

void find_token(benchmark::State& state) {
  const auto file = tokens(static_cast<std::size_t>(state.range(0)));
  const std::string right = token_of(0);
  for (auto _ : state) benchmark::DoNotOptimize(file->find(right, 0));
}
BENCHMARK(find_token)->Arg(1)->Arg(1000)->Arg(1'000'000);

void check_password(benchmark::State& state) {
  const auto file = users(static_cast<std::uint32_t>(state.range(0)), 1);
  for (auto _ : state) benchmark::DoNotOptimize(file->check("user", bytes_of("right"), 0));
}
BENCHMARK(check_password)->Arg(1)->Arg(100)->Arg(1000)->Arg(2000);

void verify_url(benchmark::State& state) {
  const auto keys = url_keys(static_cast<std::size_t>(state.range(0)));
  const std::string query = signed_query();
  for (auto _ : state) benchmark::DoNotOptimize(keys->verify("/ws", query, 0));
}
BENCHMARK(verify_url)->Arg(1)->Arg(8);

/// One attempt; true if it was accepted.
using Attempt = std::function<bool()>;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void compare(const std::string& name, std::size_t tries, const Attempt& right, const Attempt& wrong) {
  std::mt19937 random(7);
  std::vector<double> times[3];  // right, right again, wrong
  for (std::size_t i = 0; i < 3 * tries; ++i) {
    const std::size_t which = random() % 3;
    const auto begin = std::chrono::steady_clock::now();
    const bool accepted = which == 2 ? wrong() : right();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    if (accepted == (which == 2)) std::abort();
    times[which].push_back(took.count());
  }
  const double first = median(times[0]), second = median(times[1]), other = median(times[2]);
  fmt::print("{:<44} {:>9} tries   right {:>9.0f} ns   right again {:+7.0f} ns   wrong {:+7.0f} ns\n", name, times[2].size(),
             first, second - first, other - first);
}

void compare_all(std::size_t tries) {
  const auto file = tokens(100'000);
  const std::string right_token = token_of(17), wrong_token = token_of(100'017);
  std::string near_token = right_token;
  near_token.back() = 'x';
  const auto tries_token = [&](const std::string& token) { return [&] { return file->find(token, 0).has_value(); }; };
  compare("token, another wrong one", tries, tries_token(right_token), tries_token(wrong_token));
  compare("token, wrong in its last character", tries, tries_token(right_token), tries_token(near_token));

  const auto keys = url_keys(8);
  const std::string right_query = signed_query();
  std::string first_wrong = right_query, last_wrong = right_query;
  char& first = first_wrong[first_wrong.size() - 64];
  first = first == '0' ? '1' : '0';
  last_wrong.back() = last_wrong.back() == '0' ? '1' : '0';
  const auto tries_query = [&](const std::string& query) { return [&] { return keys->verify("/ws", query, 0).has_value(); }; };
  compare("signed URL, wrong in its first digit", tries, tries_query(right_query), tries_query(first_wrong));
  compare("signed URL, wrong in its last digit", tries, tries_query(right_query), tries_query(last_wrong));

  const auto passwords = users(20, 100);  // attempts of 100 iterations, so that 10^5 of them do not take all day
  const auto tries_user = [&](const char* user, const char* password) {
    return [&, user, password] { return passwords->check(user, bytes_of(password), 0).has_value(); };
  };
  compare("password, wrong", tries, tries_user("other", "right"), tries_user("other", "wrong"));
  compare("password, unknown user", tries, tries_user("other", "right"), tries_user("nobody", "right"));
  compare("password, of a user with fewer iterations", tries, tries_user("other", "right"), tries_user("user", "wrong"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--compare") {
    compare_all(argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 100'000);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
