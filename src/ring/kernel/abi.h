// Constants and struct layouts of the kernel's interface (include/uapi/linux/io_uring.h) that liburing 2.3 of Debian 12 lacks.
// Structs are copied too, because 2.3 calls fields `pad` that later versions name and use.
#pragma once

#include <cstdint>

namespace ringgate::ring::abi {

inline constexpr unsigned setup_no_sqarray = 1U << 16;         // IORING_SETUP_NO_SQARRAY, 6.6
inline constexpr unsigned feature_min_timeout = 1U << 15;      // IORING_FEAT_MIN_TIMEOUT, 6.12
inline constexpr unsigned feature_no_iowait = 1U << 17;        // IORING_FEAT_NO_IOWAIT, 6.15
inline constexpr unsigned enter_no_iowait = 1U << 7;           // IORING_ENTER_NO_IOWAIT, 6.15
inline constexpr std::uint16_t buffer_ring_incremental = 2;    // IOU_PBUF_RING_INC, 6.12
inline constexpr unsigned completion_buffer_more = 1U << 4;    // IORING_CQE_F_BUF_MORE, 6.12
inline constexpr std::uint32_t socket_command_siocoutq = 1;    // SOCKET_URING_OP_SIOCOUTQ, 6.7
inline constexpr std::uint32_t socket_command_getsockopt = 2;  // SOCKET_URING_OP_GETSOCKOPT, 6.7
inline constexpr std::uint32_t socket_command_setsockopt = 3;  // SOCKET_URING_OP_SETSOCKOPT, 6.7

/// struct io_uring_buf_reg
struct BufferRegistration {
  std::uint64_t ring_address;
  std::uint32_t ring_entries;
  std::uint16_t buffer_group;
  std::uint16_t flags;
  std::uint64_t reserved[3];
};
static_assert(sizeof(BufferRegistration) == 40);

inline constexpr std::uint8_t operation_install_descriptor = 54;  // IORING_OP_FIXED_FD_INSTALL, kernel 6.8
inline constexpr std::uint16_t send_report_usage = 1U << 3;       // IORING_SEND_ZC_REPORT_USAGE, kernel 6.2
inline constexpr std::uint32_t notification_copied = 1U << 31;    // IORING_NOTIF_USAGE_ZC_COPIED
inline constexpr std::uint16_t bulk_buffer_group = 1;

/// struct io_uring_getevents_arg
struct WaitArgument {
  std::uint64_t signal_mask;
  std::uint32_t signal_mask_bytes;
  std::uint32_t minimum_wait_microseconds;
  std::uint64_t timeout_address;  // struct __kernel_timespec
};
static_assert(sizeof(WaitArgument) == 24);

}  // namespace ringgate::ring::abi
