// An embedder of the gate for the push scenario: devices ask it for pushes to other devices, it pushes
// through the C++ API from the shard that owns the asking device, and answers when every push has its result.
//
//   push DEVICE_ID DEVICE FIRST COUNT   ->   result DEVICE FIRST LETTERS     (d delivered, u unknown, b, t, c
//   refused)
//   shard   ->   shard N     (which shard owns the asking device)
//
// Run as `push-embedder SHARDS`; ends on SIGTERM. Thread: handler calls come from the shards; a request lives
// on the shard it came to, because results do as well.
#include <fmt/format.h>
#include <signal.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "load/numbered_payload.h"
#include "ringgate/server.h"

namespace {

using ringgate::Connection;
using ringgate::MessageView;
using ringgate::PushOutcome;
using ringgate::PushResult;
using ringgate::Server;

constexpr std::uint64_t pushes_per_request_max = 1000;

struct Request {
  std::string_view device_id;
  std::uint32_t device = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

std::string_view take_word(std::string_view& text) {
  const auto end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const std::string_view word = take_word(text);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc{} && end == word.data() + word.size();
}

bool parse(std::string_view text, Request& request) {
  if (take_word(text) != "push") return false;
  request.device_id = take_word(text);
  return take_number(text, request.device) && take_number(text, request.first) && take_number(text, request.count) &&
         request.count > 0 && request.count <= pushes_per_request_max;
}

char letter_of(PushOutcome outcome) {
  switch (outcome) {
    case PushOutcome::delivered: return 'd';
    case PushOutcome::unknown_device: return 'u';
    case PushOutcome::backpressure: return 'b';
    case PushOutcome::too_large: return 't';
    case PushOutcome::closing: return 'c';
    case PushOutcome::invalid_utf8: return 'i';
    case PushOutcome::unknown_outcome: break;
    // Only of pushes with options, which this program does not make, and of gates in a cluster.
    case PushOutcome::other_connection:
    case PushOutcome::not_covered:
    case PushOutcome::engine_unavailable:
    case PushOutcome::level_unsupported:
    case PushOutcome::id_conflict:
    case PushOutcome::expired:
    case PushOutcome::coalesced:
    case PushOutcome::dropped:
    case PushOutcome::timed_out:
    case PushOutcome::connection_ended: break;
  }
  return '?';
}

// The first two digits of a reference's text.
unsigned shard_of(const ringgate::ConnectionRef& ref) {
  const std::string text = ref.text();
  unsigned shard = 0;
  std::from_chars(text.data(), text.data() + 2, shard, 16);
  return shard;
}

// The pushes of one request, until the last has its result.
struct Answer {
  ringgate::ConnectionRef asker;
  std::string head;
  std::string letters;
  std::uint64_t missing = 0;
};

class PushOnRequest final : public ringgate::Handler {
 public:
  Server* server = nullptr;

  void on_message(Connection& connection, MessageView message) override {
    if (ringgate::text_of(message.payload) == "shard") {
      connection.send_text(fmt::format("shard {}", shard_of(connection.ref())));
      return;
    }
    Request request;
    if (!parse(ringgate::text_of(message.payload), request))
      return connection.close(ringgate::CloseCode::policy_violation, "not a request");
    auto answer = std::make_shared<Answer>();
    answer->asker = connection.ref();
    answer->head = fmt::format("result {} {} ", request.device, request.first);
    answer->letters.assign(request.count, '?');
    answer->missing = request.count;
    ringgate::load::Random random(request.first * 1'000'003 + request.device);
    for (std::uint64_t i = 0; i < request.count; ++i) push(request, i, random, answer);
  }

 private:
  void push(const Request& request, std::uint64_t index, ringgate::load::Random& random, const std::shared_ptr<Answer>& answer) {
    const std::uint64_t number = request.first + index;
    const auto size = ringgate::load::numbered_payload_bytes_min + static_cast<std::size_t>(random.below(160));
    const std::string payload = ringgate::load::make_numbered_payload({request.device, number}, size, random);
    const auto type = number % 2 == 0 ? ringgate::MessageType::text : ringgate::MessageType::binary;
    server->push(request.device_id, {type, ringgate::bytes_of(payload)}, [this, answer, index](const PushResult& result) {
      answer->letters[index] = letter_of(result.outcome);
      if (--answer->missing == 0) reply(answer);
    });
  }

  void reply(const std::shared_ptr<Answer>& answer) {
    const bool is_queued = server->with_connection(
        answer->asker, [answer](Connection& connection) { connection.send_text(answer->head + answer->letters); });
    if (!is_queued) fmt::print(stderr, "{{\"msg\":\"a reply found no room\"}}\n");
  }
};

int fail(const ringgate::StartError& error) {
  fmt::print(stderr, "push-embedder: {}; {}\n", error.cause, error.remedy);
  return static_cast<int>(error.exit_code);
}

void announce(const char* listener, const std::string& address) {
  fmt::print(stderr, "{{\"msg\":\"listening\",\"listener\":\"{}\",\"address\":\"{}\"}}\n", listener, address);
}

}  // namespace

int main(int count, char** arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before the shards start, so that they inherit it

  ringgate::Config config;
  config.server.shards_count = count > 1 ? static_cast<std::uint64_t>(std::atoi(arguments[1])) : 2;
  config.listeners = {{.bind = "127.0.0.1:0"}};
  config.admin.bind = "127.0.0.1:0";
  config.log.level = ringgate::LogLevel::warning;
  PushOnRequest handler;
  auto server = Server::create(config);
  if (!server) return fail(server.error());
  handler.server = server->get();
  (*server)->mount("/ws", handler);
  if (auto started = (*server)->start(); !started) return fail(started.error());
  announce("devices", (*server)->device_addresses().front());
  announce("admin", (*server)->admin_address());

  int received = 0;
  sigwait(&signals, &received);
  (*server)->stop();
  return 0;
}
