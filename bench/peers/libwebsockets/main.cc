// Echo server on libwebsockets, in its own way: a callback collects a message, queues it, asks to be called when the socket is
// writable, and writes there.
//
// Settings, and why: no extensions, no keep-alive pings; reads of 64 KiB per service thread and 16 KiB handed over at once
// instead of 4 KiB; no limit on what one write sends, or every large message would be copied once more; several queued messages
// leave in one writable callback for as long as the socket is not choked, which the library allows; UTF-8 is not validated, its
// default. One service thread with the library's own loop on poll.
#include <libwebsockets.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <new>
#include <vector>

namespace {

constexpr std::size_t queued_bytes_max = 4 << 20;  // then nothing is read until half of it is written
constexpr std::size_t kept_bytes_max = 256 << 10;

struct Message {
  std::size_t offset;  // of its payload in `bytes`
  std::size_t bytes;
  lws_write_protocol kind;
};

/// Before each payload lie LWS_PRE bytes, where the library puts the frame's head.
struct Session {
  std::vector<unsigned char> bytes;
  std::deque<Message> queue;
  std::size_t incoming = 0;  // where the payload of the message being received begins; 0: none is
  bool paused = false;

  std::size_t queued_bytes() const { return queue.empty() ? 0 : queue.back().offset + queue.back().bytes - queue.front().offset; }

  void receive(lws* wsi, const unsigned char* piece, std::size_t piece_bytes) {
    if (lws_is_first_fragment(wsi)) {
      bytes.resize(bytes.size() + LWS_PRE);
      incoming = bytes.size();
    }
    bytes.insert(bytes.end(), piece, piece + piece_bytes);
    if (!lws_is_final_fragment(wsi)) return;
    queue.push_back({incoming, bytes.size() - incoming, lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT});
    incoming = 0;
    lws_callback_on_writable(wsi);
    if (!paused && queued_bytes() > queued_bytes_max) {
      paused = true;
      lws_rx_flow_control(wsi, 0);
    }
  }

  /// False: the connection is lost.
  bool write(lws* wsi) {
    while (!queue.empty()) {
      const Message message = queue.front();
      const int written = lws_write(wsi, bytes.data() + message.offset, message.bytes, message.kind);
      if (written < static_cast<int>(message.bytes)) return false;
      queue.pop_front();
      if (!queue.empty() && lws_send_pipe_choked(wsi)) {
        lws_callback_on_writable(wsi);
        break;
      }
    }
    drop_written();
    if (paused && queued_bytes() < queued_bytes_max / 2) {
      paused = false;
      lws_rx_flow_control(wsi, 1);
    }
    return true;
  }

  void drop_written() {
    const std::size_t payload = queue.empty() ? incoming : queue.front().offset;
    const std::size_t begin = payload != 0 ? payload - LWS_PRE : bytes.size();
    if (begin == bytes.size()) {
      bytes.clear();
      if (bytes.capacity() > kept_bytes_max) bytes.shrink_to_fit();
    } else if (begin > bytes.size() / 2) {
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(begin));
      for (Message& message : queue) message.offset -= begin;
      if (incoming != 0) incoming -= begin;
    }
  }
};

int serve(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t bytes) {
  auto* const session = static_cast<Session*>(user);
  switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: new (session) Session; return 0;
    case LWS_CALLBACK_CLOSED: session->~Session(); return 0;
    case LWS_CALLBACK_RECEIVE: session->receive(wsi, static_cast<const unsigned char*>(in), bytes); return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE: return session->write(wsi) ? 0 : -1;
    // The library answers the close frame next: what came before it goes out first.
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: return session->write(wsi) ? 0 : -1;
    default: return lws_callback_http_dummy(wsi, reason, user, in, bytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 64;
  }
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);

  lws_set_log_level(LLL_ERR, nullptr);
  static lws_protocols protocols[2]{};
  protocols[0].name = "echo";
  protocols[0].callback = serve;
  protocols[0].per_session_data_size = sizeof(Session);
  protocols[0].rx_buffer_size = 16 * 1024;
  protocols[0].tx_packet_size = 256 << 20;
  static const lws_retry_bo_t no_pings{};
  lws_context_creation_info info{};
  info.port = std::atoi(argv[1]);
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.pt_serv_buf_size = 64 * 1024;
  info.retry_and_idle_policy = &no_pings;
  info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
  lws_context* const context = lws_create_context(&info);
  if (context == nullptr) return 1;
  while (lws_service(context, 0) >= 0) {
  }
  return 1;
}
