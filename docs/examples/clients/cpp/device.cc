// A device in C++ on Boost.Beast: stays connected to ringgate, obeys the close codes, says hello and prints what it hears.
//
//   g++ -std=c++17 -O2 device.cc -o device -pthread        (Debian: libboost-dev)
//   ./device HOST PORT '/ws?deviceId=pump-7'
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <thread>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using Milliseconds = std::chrono::milliseconds;
using Delay = std::optional<Milliseconds>;  // before the next try; nullopt: do not come back

namespace {

std::mt19937_64 random_bits{std::random_device{}()};

Milliseconds between(long least, long most) {
  return Milliseconds(std::uniform_int_distribution<long>(least, most)(random_bits));
}

/// Times that double up to a minute, of which a random half: devices lost together do not come back together.
class Backoff {
 public:
  void reset() { tries_ = 0; }
  Milliseconds next() {
    const long ceiling = std::min(60'000L, 1000L << std::min(tries_++, 6));
    return between(ceiling / 2, ceiling);
  }

 private:
  int tries_ = 0;
};

/// What a close code asks of a device. Codes that are not here, and connections that break: back off.
Delay delay_after(unsigned code, const std::string& reason, Backoff& backoff) {
  const std::string key = "retry_after_ms=";
  if (const auto at = reason.find(key); code == 1001 && at != std::string::npos)
    return Milliseconds(std::strtol(reason.c_str() + at + key.size(), nullptr, 10));
  if (code >= 4000 && code <= 4099) return std::nullopt;
  switch (code) {
    case 1000:
    case 1002:
    case 1003:
    case 1007:
    case 1009:
    case 4400:
    case 4403:
    case 4413:
    case 4401:  // until there is a new credential
    case 4409:  // a newer connection has this id
      return std::nullopt;
    case 4408:
    case 4440: return Milliseconds(0);
    case 1012:
    case 1013: return between(1000, 10'000);
    default: return backoff.next();
  }
}

/// The same for a handshake that was answered with something else than 101.
Delay delay_after_refusal(const websocket::response_type& response, Backoff& backoff) {
  switch (response.result_int()) {
    case 408:
    case 409:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: break;
    default: return std::nullopt;
  }
  const long seconds = std::strtol(std::string(response[beast::http::field::retry_after]).c_str(), nullptr, 10);
  return seconds > 0 ? Milliseconds(seconds * 1000) + between(0, 1000) : backoff.next();
}

struct End {
  unsigned code = 1006;
  std::string reason;
  Delay delay;
};

/// One connection.
End talk(const std::string& host, const std::string& port, const std::string& target, Backoff& backoff) {
  asio::io_context context;
  websocket::stream<asio::ip::tcp::socket> socket(context);
  websocket::response_type response;
  beast::error_code error;
  const auto addresses = asio::ip::tcp::resolver(context).resolve(host, port, error);
  if (!error) asio::connect(socket.next_layer(), addresses, error);
  if (!error) {  // the call without async_ does not give the response of a refused handshake
    socket.async_handshake(response, host + ":" + port, target, [&](beast::error_code result) { error = result; });
    context.run();
  }
  if (error == websocket::error::upgrade_declined)
    return {response.result_int(), std::string(response.reason()), delay_after_refusal(response, backoff)};
  if (!error) {
    std::cout << "open" << std::endl;
    socket.write(asio::buffer(std::string("hello")), error);
  }
  while (!error) {
    beast::flat_buffer message;
    socket.read(message, error);
    if (error) break;
    backoff.reset();  // not at the opening: a gate that closes at once must not be asked in a tight loop
    std::cout << "message " << beast::buffers_to_string(message.data()) << std::endl;
  }
  if (error != websocket::error::closed) return {1006, error.message(), backoff.next()};
  const auto& close = socket.reason();
  const std::string reason(close.reason.data(), close.reason.size());
  return {close.code, reason, delay_after(close.code, reason, backoff)};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return std::cerr << "usage: device HOST PORT TARGET\n", 64;
  for (Backoff backoff;;) {
    const End end = talk(arguments[1], arguments[2], arguments[3], backoff);
    if (!end.delay) {
      std::cout << "end " << end.code << ' ' << end.reason << std::endl;
      return 0;
    }
    std::cout << "wait " << end.delay->count() << " ms after " << end.code << ' ' << end.reason << std::endl;
    std::this_thread::sleep_for(*end.delay);
  }
}
