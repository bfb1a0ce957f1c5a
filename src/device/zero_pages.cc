#include "device/zero_pages.h"

#include <sys/mman.h>

namespace ringgate::device {

ZeroPages::ZeroPages(std::size_t size)
    : data_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)), size_(size) {
  if (data_ == MAP_FAILED) data_ = nullptr;
}

ZeroPages::~ZeroPages() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace ringgate::device
