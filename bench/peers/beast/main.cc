// Echo server on Boost.Beast: asynchronous, one io_context, one thread.
//
// Settings, and why: a concurrency hint that leaves out all locks, which Asio allows for one thread; the socket has the
// io_context's own executor type instead of the type-erased any_io_executor; websocket::stream directly over the socket,
// without beast::tcp_stream and its timer, and with its own timeouts off, as they are by default; a flat_buffer per session
// that keeps its memory; auto_fragment off, so a message leaves as one frame, head and payload by one writev; no compression;
// message limit far above what is sent. Beast validates UTF-8. It has no way to write several messages at once.
#include <sys/resource.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Error = beast::error_code;

constexpr std::size_t message_bytes_max = 64 << 20;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(Socket socket) : stream_(std::move(socket)) {}

  void start() {
    stream_.next_layer().set_option(asio::ip::tcp::no_delay(true));
    stream_.read_message_max(message_bytes_max);
    stream_.auto_fragment(false);
    stream_.async_accept([self = shared_from_this()](Error error) {
      if (!error) self->read();
    });
  }

 private:
  void read() {
    stream_.async_read(buffer_, [self = shared_from_this()](Error error, std::size_t) {
      if (!error) self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(buffer_.data(), [self = shared_from_this()](Error error, std::size_t) {
      if (error) return;
      self->buffer_.clear();
      self->read();
    });
  }

  websocket::stream<Socket, false> stream_;  // false: without the code of permessage-deflate
  beast::flat_buffer buffer_;
};

void accept(Acceptor& acceptor) {
  acceptor.async_accept([&acceptor](Error error, Socket socket) {
    if (!error) std::make_shared<Session>(std::move(socket))->start();
    accept(acceptor);
  });
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " PORT\n";
    return 64;
  }
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  raise_descriptor_limit();
  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE);
  Acceptor acceptor(context);
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::atoi(argv[1])));
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint);
  acceptor.listen(4096);
  accept(acceptor);
  context.run();
}
