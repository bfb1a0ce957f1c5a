// TLS clients as tunnels of simulated peers: whoever drives the peer speaks plaintext and sees plaintext.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake_ring/peer_tunnel.h"
#include "support/tls/memory_client.h"
#include "tls/context.h"

namespace ringgate::test {

class TlsTunnel final : public ring::PeerTunnel {
 public:
  /// `cut_at`: cuts its records before this byte, counted from the end of the handshake. `sealed_bytes`: counts so; outlives this.
  TlsTunnel(const ClientOptions& options, std::size_t cut_at, std::size_t& sealed_bytes)
      : client_(options), cut_at_(cut_at), sealed_bytes_(sealed_bytes) {
    sealed_bytes_ = 0;
    client_.step();
  }

  void put(ByteView plaintext) override {
    if (!client_.is_open()) waiting_.emplace_back(text_of(plaintext));
    else if (!plaintext.empty() && !is_finished_) client_.write(text_of(plaintext));
  }
  void finish() override {
    is_finished_ = true;
    if (client_.is_open()) SSL_shutdown(client_.ssl());
  }
  void receive(ByteView wire, std::vector<std::uint8_t>& plaintext) override {
    client_.receive(wire);
    client_.step();
    plaintext.insert(plaintext.end(), client_.received.begin(), client_.received.end());
    client_.received.clear();
    if (!client_.is_open()) return;
    if (!is_counting_) handshake_ += client_.take_output();
    is_counting_ = true;
    for (const std::string& text : std::exchange(waiting_, {})) put(bytes_of(text));
  }
  Output take_output() override {
    Output output{std::exchange(handshake_, {}), 0};
    const std::size_t own = output.bytes.size();
    output.bytes += client_.take_output();
    const std::size_t begin = sealed_bytes_;
    if (is_counting_) sealed_bytes_ += output.bytes.size() - own;
    if (cut_at_ > begin && cut_at_ < sealed_bytes_) output.cut = own + cut_at_ - begin;
    return output;
  }

 private:
  MemoryClient client_;
  std::vector<std::string> waiting_;  // plaintext from before the end of the handshake
  std::string handshake_;             // its last output
  const std::size_t cut_at_;
  std::size_t& sealed_bytes_;
  bool is_counting_ = false;
  bool is_finished_ = false;
};

}  // namespace ringgate::test
