#include "bad_neighbours.h"

#include "load/http_answer.h"

namespace ringgate::stress {

void MuteOrIdle::start(const std::string& id) { open(id); }

void MuteOrIdle::on_open() { opened_at_ = load::monotonic_now(); }

void MuteOrIdle::on_ping(ByteView payload) {
  if (kind_ == Kind::idle) DeviceClient::on_ping(payload);
}

void MuteOrIdle::on_close(const load::Ending& ending) {
  endings_.push_back({static_cast<int>(ending.code), load::monotonic_now() - opened_at_});
}

void MuteOrIdle::on_failed(const load::OpeningFailure& failure) { endings_.push_back({failure.status, 0}); }

void Slowloris::start() {
  request_ = "GET /ws?deviceId=slowloris HTTP/1.1\r\nHost: " + gate_.text + "\r\nX-Endless: ";
  sent_ = 0;
  received_.clear();
  connect(gate_);
}

void Slowloris::on_connected() {
  connected_at_ = load::monotonic_now();
  ++life_;
  send_next();
}

void Slowloris::send_next() {
  output() += sent_ < request_.size() ? request_[sent_] : 'x';
  ++sent_;
  output_grew();
  loop().after(interval_, [this, life = life_] {
    if (is_open() && life == life_) send_next();
  });
}

void Slowloris::on_bytes(ByteView bytes) { received_ += text_of(bytes); }

void Slowloris::on_ended(load::StreamEnd) {
  const auto answer = load::parse_answer(bytes_of(received_));
  const bool is_answered = answer && *answer;
  endings_.push_back({is_answered ? (*answer)->status : 0, load::monotonic_now() - connected_at_});
}

}  // namespace ringgate::stress
