#include "tls/wire.h"

#include <openssl/bio.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "base/assert.h"
#include "base/try_resize.h"

namespace ringgate::tls {
namespace {

constexpr std::size_t output_kept_bytes = 64 * 1024;

/// RFC 8446 section 5.5: 2^24.5 records of AES-GCM keep a safety margin of 2^-57. Of ChaCha20-Poly1305 the sequence number ends before.
constexpr std::uint64_t records_of_aes_max = std::uint64_t{1} << 24U;
constexpr std::uint64_t records_of_chacha_max = UINT64_MAX;

int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  *count = Wire::of(bio).read({reinterpret_cast<std::uint8_t*>(data), size});
  if (*count > 0) return 1;
  BIO_set_retry_read(bio);
  return 0;
}

int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  if (!Wire::of(bio).write({reinterpret_cast<const std::uint8_t*>(data), size})) return 0;  // and so the codec breaks
  *count = size;
  return 1;
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

/// One for the process, and never freed: connections of every shard use it until the end.
BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ringgate spans");
    if (fresh == nullptr) throw std::bad_alloc();  // start-up only
    BIO_meth_set_read_ex(fresh, bio_read);
    BIO_meth_set_write_ex(fresh, bio_write);
    BIO_meth_set_ctrl(fresh, bio_control);
    return fresh;
  }();
  return made;
}

}  // namespace

Wire::Wire()
    : bio_(BIO_new(method())),
      suites_{Suite(0x1301, "AES-128-GCM", "SHA256", 16, 32, records_of_aes_max),
              Suite(0x1302, "AES-256-GCM", "SHA384", 32, 48, records_of_aes_max),
              Suite(0x1303, "ChaCha20-Poly1305", "SHA256", 32, 32, records_of_chacha_max)} {
  if (bio_ == nullptr) throw std::bad_alloc();  // start-up only
  BIO_set_data(bio_, this);
  BIO_set_init(bio_, 1);
}

Wire& Wire::of(const BIO* bio) { return *static_cast<Wire*>(BIO_get_data(const_cast<BIO*>(bio))); }

Wire::~Wire() { BIO_free(bio_); }

std::size_t Wire::read(MutableBytes out) {
  const std::size_t count = std::min(out.size(), input_.size());
  if (count > 0) std::memcpy(out.data(), input_.data(), count);
  input_ = input_.subspan(count);
  return count;
}

bool Wire::write(ByteView bytes) {
  if (output_.empty() && bytes.size() <= room_.size() - room_used_) {
    std::memcpy(room_.data() + room_used_, bytes.data(), bytes.size());
    room_used_ += bytes.size();
    return true;
  }
  return try_append(output_, bytes);
}

std::uint8_t* Wire::claim(std::size_t bytes) {
  if (output_.empty() && bytes <= room_.size() - room_used_) {
    room_used_ += bytes;
    return room_.data() + room_used_ - bytes;
  }
  const std::size_t before = output_.size();
  return try_resize(output_, before + bytes) ? output_.data() + before : nullptr;
}

const Suite* Wire::suite(std::uint32_t code) const {
  const auto found = std::ranges::find(suites_, code, &Suite::code);
  return found != suites_.end() && found->is_usable() ? &*found : nullptr;
}

void Wire::clear_output() {
  output_.clear();
  if (output_.capacity() > output_kept_bytes) output_ = {};
}

}  // namespace ringgate::tls
