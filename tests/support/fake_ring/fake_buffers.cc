#include "fake_ring/fake_buffers.h"

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/limits.h"
#include "fake_ring/fake_world.h"

namespace ringgate::ring {

FakeBuffers::FakeBuffers(FakeWorld& world, bool incremental, std::uint32_t count, std::uint32_t bytes)
    : world_(world), incremental_(incremental), bytes_(bytes), buffers_(count) {
  RINGGATE_ASSERT(count > 0 && (count & (count - 1)) == 0 && count <= 32'768 && bytes > 0);
  for (std::uint32_t id = 0; id < count; ++id) {
    buffers_[id].bytes = std::make_unique<std::uint8_t[]>(bytes + limits::buffer_slack_bytes);
    std::memset(buffers_[id].bytes.get(), poison, bytes + limits::buffer_slack_bytes);
    free_.push_back(static_cast<std::uint16_t>(id));
  }
}

MutableBytes FakeBuffers::room() {
  RINGGATE_ASSERT(available());
  Buffer& buffer = buffers_[free_.front()];
  return {buffer.bytes.get() + buffer.filled, bytes_ - buffer.filled};
}

void FakeBuffers::take(std::uint32_t size, Completion& completion) {
  const std::uint16_t id = free_.front();
  Buffer& buffer = buffers_[id];
  RINGGATE_ASSERT(size > 0 && size <= bytes_ - buffer.filled);
  completion.has_buffer = true;
  completion.buffer_id = id;
  completion.buffer_offset = buffer.filled;
  loans_.push_back({id, buffer.filled, size});
  ++buffer.loans;
  buffer.filled += size;
  if (!incremental_ || buffer.filled == bytes_) {
    buffer.kernels = false;
    free_.pop_front();
  }
}

FakeBuffers::Loan* FakeBuffers::find(const Completion& completion) {
  const auto loan = std::find_if(loans_.begin(), loans_.end(), [&completion](const Loan& candidate) {
    return candidate.id == completion.buffer_id && candidate.offset == completion.buffer_offset;
  });
  return loan == loans_.end() ? nullptr : &*loan;
}

void FakeBuffers::show(const Completion& completion, std::uint64_t turn) {
  Loan* loan = find(completion);
  RINGGATE_ASSERT(loan != nullptr && !loan->shown);
  loan->shown = true;
  loan->turn = turn;
}

MutableBytes FakeBuffers::look_at(const Completion& completion) {
  if (!completion.has_buffer) world_.defect("received: the completion has no buffer", completion.token.pack());
  Loan* loan = find(completion);
  if (loan == nullptr || !loan->shown) world_.defect("received: this buffer is not lent", completion.buffer_id);
  if (loan->looked_at) world_.defect("received was called twice for one completion", completion.buffer_id);
  loan->looked_at = true;
  return {buffers_[loan->id].bytes.get() + loan->offset, loan->size};
}

bool FakeBuffers::return_before(std::uint64_t turn) {
  bool any_came_free = false;
  std::erase_if(loans_, [&](const Loan& loan) {
    if (!loan.shown || loan.turn >= turn) return false;
    if (!loan.looked_at) world_.defect("received was never called for a completion with a buffer", loan.id);
    if (give_back(loan)) any_came_free = true;
    return true;
  });
  return any_came_free;
}

bool FakeBuffers::give_back(const Loan& loan) {
  Buffer& buffer = buffers_[loan.id];
  std::memset(buffer.bytes.get() + loan.offset, poison, loan.size);
  RINGGATE_ASSERT(buffer.loans > 0);
  if (--buffer.loans > 0 || buffer.kernels) return false;
  std::memset(buffer.bytes.get(), poison, bytes_ + limits::buffer_slack_bytes);
  buffer.filled = 0;
  buffer.kernels = true;
  free_.push_back(loan.id);
  return true;
}

std::uint32_t FakeBuffers::lent_count() const {
  return static_cast<std::uint32_t>(
      std::count_if(buffers_.begin(), buffers_.end(), [](const Buffer& buffer) { return buffer.loans > 0; }));
}

}  // namespace ringgate::ring
