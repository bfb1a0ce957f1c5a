// What the real ring tells about links, and that it keeps no descriptor for that, whatever goes wrong.
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "kernel_ring_fixture.h"

namespace ringgate::ring {
namespace {

/// The lowest process descriptor that is free: a leak would raise it.
int lowest_free() {
  const int descriptor = ::dup(STDERR_FILENO);
  ::close(descriptor);
  return descriptor;
}

std::ptrdiff_t open_count() { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); }

/// No descriptor from `first` on can be opened while it lives.
class NoDescriptorsFrom {
 public:
  explicit NoDescriptorsFrom(int first) {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit none_left{.rlim_cur = static_cast<rlim_t>(first), .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  }
  ~NoDescriptorsFrom() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }
  NoDescriptorsFrom(const NoDescriptorsFrom&) = delete;
  NoDescriptorsFrom& operator=(const NoDescriptorsFrom&) = delete;

 private:
  rlimit before_{};
};

class KernelLink : public KernelRing {
 protected:
  Token link_token() const { return {OperationKind::link, socket, 7}; }
};

TEST_F(KernelLink, TellsWhatTheKernelKnows) {
  for (const bool direct : {true, false}) {
    SCOPED_TRACE(testing::Message() << "direct " << direct);
    RingOptions options = small_ring();
    options.allowed.direct_descriptors = direct && options.allowed.direct_descriptors;
    start(options);
    const LoopbackPeer peer = accepted_peer();
    const int before = lowest_free();
    send(std::string(1000, 'x'), false);
    EXPECT_EQ(next(OperationKind::send).result, 1000);
    EXPECT_EQ(peer.read(1000).size(), 1000U);
    ASSERT_EQ(ring->link_status(socket),
              direct && !ring->features().descriptor_install ? LinkStatus::unsupported : LinkStatus::known);
    LinkQuality link;
    ring->link(socket, &link, link_token());
    const Completion completion = next(OperationKind::link);
    EXPECT_EQ(completion.error, IoError::none);
    EXPECT_EQ(completion.token, link_token());
    EXPECT_GT(link.rtt_us, 0U);
    EXPECT_LT(link.rtt_us, 60'000'000U);
    EXPECT_GT(link.cwnd, 0U);
    EXPECT_GE(link.mss, 500U);
    EXPECT_EQ(link.retransmits, 0U);
    EXPECT_EQ(link.unsent_bytes, 0U);
    EXPECT_EQ(lowest_free(), before);
  }
}

TEST_F(KernelLink, CountsWhatThePeerHasNoRoomFor) {
  start(small_ring());
  const LoopbackPeer peer = accepted_peer(4096);
  const std::string much(4'000'000, 'x');
  const Piece piece{reinterpret_cast<const std::uint8_t*>(much.data()), much.size()};
  ring->send(socket, {&piece, 1}, Ring::Sending::completes, send_token());
  EXPECT_GT(next(OperationKind::send).result, 100'000);
  LinkQuality link;
  ring->link(socket, &link, link_token());
  EXPECT_EQ(next(OperationKind::link).error, IoError::none);
  EXPECT_GT(link.unsent_bytes, 0U);
}

TEST_F(KernelLink, WithoutADescriptorToBeHadNothingIsToldAndNothingKept) {
  start(small_ring());
  if (!ring->features().direct_descriptors) GTEST_SKIP() << "sockets have process descriptors here";
  const LoopbackPeer peer = accepted_peer();
  const int before = lowest_free();
  LinkQuality link{.rtt_us = 12345};
  const Token token =
      link_token();  // outside: UndefinedBehaviorSanitizer needs a descriptor to look at an object for the first time
  {
    const NoDescriptorsFrom none(before);
    ring->link(socket, &link, token);
    EXPECT_EQ(next(OperationKind::link).error, IoError::no_descriptors);
  }
  EXPECT_EQ(link, LinkQuality{.rtt_us = 12345}) << "an error leaves it as it was";
  EXPECT_EQ(lowest_free(), before);
  ring->link(socket, &link, link_token());
  EXPECT_EQ(next(OperationKind::link).error, IoError::none);
}

TEST_F(KernelLink, TellsOfAPeerThatIsGone) {
  start(small_ring());
  LoopbackPeer peer = accepted_peer();
  ring->receive(socket, receive_token());
  peer.reset();
  (void)next(OperationKind::receive);
  const int before = lowest_free();
  LinkQuality link;
  ring->link(socket, &link, link_token());
  EXPECT_EQ(next(OperationKind::link).token, link_token());
  EXPECT_EQ(lowest_free(), before);
}

/// What was installed and never reaped is closed with the ring.
TEST_F(KernelLink, EndOfTheRingClosesWhatNobodyReaped) {
  const std::ptrdiff_t before = open_count();
  start(small_ring());
  const LoopbackPeer peer = accepted_peer();
  const Socket first = socket;
  const LoopbackPeer other = accepted_peer();
  const std::ptrdiff_t accepted = open_count();
  LinkQuality link, link_of_other;
  ring->link(first, &link, {OperationKind::link, first, 7});
  ring->link(socket, &link_of_other, link_token());
  ring->shutdown(first, {OperationKind::shutdown, first, 7});
  (void)ring->submit_and_wait({});
  if (ring->features().direct_descriptors) {
    EXPECT_EQ(open_count(), accepted + 3) << "they are installed";
    ring.reset();
    EXPECT_EQ(open_count(), before + 2) << "the peers' own";
  }
}

TEST_F(KernelLink, AnotherKindOfSocketIsNotAsked) {
  std::string pattern = std::filesystem::temp_directory_path() / "ringgate-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  const ListenAddress address = *parse_listen_address("unix:" + folder + "/gate.sock");
  start(small_ring());
  ASSERT_TRUE(ring->listen(1, address, {}));
  ring->accept(1);
  const int peer = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  address.path.copy(to.sun_path, address.path.size());
  ASSERT_EQ(::connect(peer, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  EXPECT_EQ(ring->link_status(static_cast<Socket>(next(OperationKind::accept).result)), LinkStatus::unix_socket);
  ::close(peer);
  std::filesystem::remove_all(folder);
}

TEST_F(KernelLink, WithoutTheFeatureADirectDescriptorCannotBeAsked) {
  RingOptions options = small_ring();
  options.allowed.descriptor_install = false;
  start(options);
  const LoopbackPeer peer = accepted_peer();
  EXPECT_EQ(ring->link_status(socket), ring->features().direct_descriptors ? LinkStatus::unsupported : LinkStatus::known);
}

}  // namespace
}  // namespace ringgate::ring
