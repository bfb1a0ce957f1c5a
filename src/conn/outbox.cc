#include "conn/outbox.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"

namespace ringgate::conn {

namespace {
/// Memory of an empty outbox: a deque allocates a block and its map at once.
constexpr std::size_t empty_bytes = sizeof(Outbox) + 512 + 64;
}  // namespace

void Outbox::join(WaitingOutput& account, std::uint32_t slot) {
  RINGGATE_ASSERT(account_ == nullptr);
  account_ = &account;
  link_.slot = slot;
  account_->add(empty_bytes);
  for (const Node& node : nodes_) count(node);
  count_size();
}

void Outbox::forsake() {
  if (account_ == nullptr) return;
  for (const Node& node : nodes_) uncount(node);
  account_->subtract(empty_bytes);
  account_->remove(link_);
  account_ = nullptr;
}

void Outbox::count(const Node& node) {
  if (account_ == nullptr) return;
  account_->add(node.memory_bytes());
  if (node.message) account_->add_message(*node.message, node.message->frame().size());
}

void Outbox::uncount(const Node& node) {
  if (account_ == nullptr) return;
  account_->subtract(node.memory_bytes());
  if (node.message) account_->subtract_message(*node.message, node.message->frame().size());
}

void Outbox::fill(Node& node, ByteView bytes, std::size_t capacity) {
  node.capacity = capacity;
  node.chunk = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  node.end = bytes.size();
  std::memcpy(node.chunk.get(), bytes.data(), bytes.size());
  count(node);
}

void Outbox::append(ByteView bytes) {
  bytes_ += bytes.size();
  place_of_end_ += bytes.size();
  if (nodes_.size() > sealed_nodes_ && nodes_.back().chunk) {
    Node& last = nodes_.back();
    const std::size_t fitting = std::min(bytes.size(), last.capacity - last.end);
    std::memcpy(last.chunk.get() + last.end, bytes.data(), fitting);
    last.end += fitting;
    bytes = bytes.subspan(fitting);
  }
  count_size();
  if (bytes.empty()) return;
  fill(nodes_.emplace_back(), bytes, std::max(bytes.size(), chunk_bytes_min));
}

void Outbox::append(ws::MessageRef message, std::size_t offset) {
  Node node;
  node.begin = offset;
  node.end = message->frame().size();
  RINGGATE_ASSERT(node.begin <= node.end);
  if (node.begin == node.end) return;
  bytes_ += node.end - node.begin;
  place_of_end_ += node.end - node.begin;
  node.message = std::move(message);
  count(node);
  nodes_.push_back(std::move(node));
  count_size();
}

void Outbox::append_sealed(ByteView records) {
  if (records.empty()) return;
  bytes_ += records.size();
  const auto place = nodes_.begin() + static_cast<std::ptrdiff_t>(sealed_nodes_++);
  fill(*nodes_.emplace(place), records, records.size());
  count_size();
}

void Outbox::seal_front(std::size_t bytes, ByteView records) {
  RINGGATE_ASSERT(sealed_nodes_ == 0);
  remove(bytes);
  append_sealed(records);
}

std::size_t Outbox::front(std::span<ring::Piece> out) const {
  const std::size_t count = std::min(out.size(), sealed_nodes_ > 0 ? sealed_nodes_ : nodes_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = nodes_[i];
    out[i] = {node.bytes() + node.begin, node.end - node.begin};
  }
  return count;
}

Outbox::FrontMessage Outbox::front_message() const {
  if (nodes_.empty() || !nodes_.front().message) return {};
  return {&*nodes_.front().message, nodes_.front().begin};
}

void Outbox::consume(std::size_t bytes, TimeNs now) {
  if (bytes > 0) progress_at_ = now;
  remove(bytes);
  count_size();
}

void Outbox::remove(std::size_t bytes) {
  RINGGATE_ASSERT(bytes <= bytes_);
  bytes_ -= bytes;
  while (bytes > 0) {
    Node& first = nodes_.front();
    const std::size_t taken = std::min(bytes, first.end - first.begin);
    first.begin += taken;
    if (sealed_nodes_ == 0) place_of_front_ += taken;
    bytes -= taken;
    if (first.begin != first.end) continue;
    uncount(first);
    nodes_.pop_front();
    if (sealed_nodes_ > 0) --sealed_nodes_;
  }
}

}  // namespace ringgate::conn
