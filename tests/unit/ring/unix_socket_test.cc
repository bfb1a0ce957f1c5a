// Unix sockets on this machine's kernel: the file, and rings that share one socket.
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>
#include <vector>

#include "kernel_ring_fixture.h"
#include "ring/kernel/unix_socket.h"
#include "ring/socket_file.h"

namespace ringgate::ring {
namespace {

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() {
    std::string pattern = std::filesystem::temp_directory_path() / "ringgate-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    address = *parse_listen_address("unix:" + folder + "/gate.sock");
  }
  ~UnixSocket() override { std::filesystem::remove_all(folder); }

  int connected() const {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    address.path.copy(to.sun_path, address.path.size());
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    return descriptor;
  }
  bool exists() const { return std::filesystem::exists(std::filesystem::symlink_status(address.path)); }

  std::string folder;
  ListenAddress address;
};

TEST_F(UnixSocket, HasItsModeWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0777U}) {
    const mode_t before = ::umask(mask);
    const auto descriptor = bind_unix_socket(address.path);
    ::umask(before);
    ASSERT_TRUE(descriptor) << descriptor.error();
    struct stat found{};
    ASSERT_EQ(::lstat(address.path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, unix_socket_mode) << mask;
    ::close(*descriptor);
    std::filesystem::remove(address.path);
  }
}

TEST_F(UnixSocket, TakesThePlaceOfOneWhereNobodyListens) {
  EXPECT_TRUE(claim_socket_path(address)) << "nothing is there";
  ::close(*bind_unix_socket(address.path));
  EXPECT_TRUE(exists());
  EXPECT_TRUE(claim_socket_path(address));
  EXPECT_FALSE(exists());
}

TEST_F(UnixSocket, LeavesWhoListensThere) {
  const int descriptor = *bind_unix_socket(address.path);
  ASSERT_EQ(::listen(descriptor, 1), 0);
  const auto claimed = claim_socket_path(address);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().exit_code, 71);
  EXPECT_NE(claimed.error().cause.find(address.text()), std::string::npos) << claimed.error().cause;
  // With the backlog full as well: the first claim's attempt waits in it, too.
  const int waiting = connected();
  EXPECT_FALSE(claim_socket_path(address));
  EXPECT_TRUE(exists());
  ::close(waiting);
  ::close(descriptor);
}

TEST_F(UnixSocket, LeavesAFileThatIsNoSocket) {
  std::ofstream(address.path) << "precious";
  const auto claimed = claim_socket_path(address);
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().exit_code, 71);
  EXPECT_TRUE(exists());
  std::filesystem::remove(address.path);
  std::filesystem::create_symlink("/nowhere", address.path);
  EXPECT_FALSE(claim_socket_path(address));
  EXPECT_TRUE(exists());
}

TEST_F(UnixSocket, SaysWhatIsMissing) {
  ListenAddress nowhere = address;
  nowhere.path = folder + "/nowhere/gate.sock";
  EXPECT_TRUE(claim_socket_path(nowhere)) << "binding tells";
  const auto bound = bind_unix_socket(nowhere.path);
  ASSERT_FALSE(bound);
  EXPECT_EQ(bound.error(), ENOENT);
  EXPECT_EQ(describe_unix_failure(nowhere, ENOENT).remedy, "create the directory");
  EXPECT_EQ(describe_unix_failure(nowhere, EACCES).exit_code, 77);
}

TEST_F(UnixSocket, IsWonByExactlyOneOfThoseWhoStartAtOnce) {
  for (int round = 0; round < 200; ++round) {
    if (round % 2 == 0) ::close(*bind_unix_socket(address.path));  // what a killed gate leaves
    std::atomic<bool> begin{false};
    std::array<std::expected<int, SetupError>, 4> outcomes;
    {
      std::vector<std::jthread> starting;
      for (auto& outcome : outcomes)
        starting.emplace_back([&] {
          while (!begin.load()) std::this_thread::yield();
          outcome = listen_on_path(address, 16);
        });
      begin.store(true);
    }
    int winners = 0;
    for (const auto& outcome : outcomes) {
      if (outcome) ++winners;
      else EXPECT_EQ(outcome.error().exit_code, 71) << outcome.error().cause;
    }
    ASSERT_EQ(winners, 1) << "round " << round;
    ::close(connected());
    for (const auto& outcome : outcomes)
      if (outcome) ::close(*outcome);
    ASSERT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1) << "the socket alone";
    std::filesystem::remove(address.path);
  }
}

/// An old gate removes its file while a new one takes the path.
TEST_F(UnixSocket, IsNotRemovedFromUnderWhoTakesIt) {
  for (int round = 0; round < 200; ++round) {
    std::optional<SocketFile> old;
    const int ended = *listen_on_path(address, 16);
    old.emplace(address);
    ::close(ended);
    std::expected<int, SetupError> fresh;
    {
      const std::jthread starting([&] { fresh = listen_on_path(address, 16); });
      old.reset();
    }
    ASSERT_TRUE(fresh) << fresh.error().cause;
    ::close(connected());
    ::close(*fresh);
    std::filesystem::remove(address.path);
  }
}

TEST_F(UnixSocket, SaysThatSomebodyElseIsTakingIt) {
  const auto lock = PathLock::take(address.path);
  ASSERT_TRUE(lock);
  const auto outcome = listen_on_path(address, 16);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().exit_code, 71);
  EXPECT_NE(outcome.error().remedy.find("starting"), std::string::npos) << outcome.error().remedy;
}

TEST_F(UnixSocket, IsRemovedByItsOwnerAlone) {
  const int first = *bind_unix_socket(address.path);
  {
    const SocketFile file(address);
    EXPECT_TRUE(exists());
  }
  EXPECT_FALSE(exists());
  const int second = *bind_unix_socket(address.path);
  int third = -1;
  {
    SocketFile file(address);
    const SocketFile moved(std::move(file));
    std::filesystem::remove(address.path);
    third = *bind_unix_socket(address.path);
  }
  EXPECT_TRUE(exists()) << "another has the name";
  for (const int descriptor : {first, second, third}) ::close(descriptor);
}

/// Whatever the ring can do, idle rings take turns.
TEST_F(UnixSocket, IsSharedByRingsThatTakeTurns) {
  const auto found = probe();
  if (!found) GTEST_SKIP() << found.error().cause;
  for (const bool has_direct_descriptors : {true, false}) {
    RingOptions options;
    options.allowed = *found;
    options.allowed.direct_descriptors &= has_direct_descriptors;
    options.sockets_max = 64;
    std::array<std::unique_ptr<Ring>, 2> rings{*Ring::open(options), *Ring::open(options)};
    for (const auto& ring : rings) ASSERT_TRUE(ring->start_on_this_thread());
    ASSERT_TRUE(rings[0]->listen(0, address, {}));
    ASSERT_TRUE(rings[1]->share_listener(0, *rings[0]));
    for (const auto& ring : rings) {
      ring->accept(0);
      ring->submit_and_wait({});
    }
    std::array<int, 2> accepted{};
    std::vector<int> peers;
    for (int i = 0; i < 20; ++i) {
      peers.push_back(connected());
      bool has_come = false;
      for (int tries = 0; !has_come && tries < 10'000; ++tries)
        for (std::size_t index = 0; index < rings.size(); ++index) {
          rings[index]->submit_and_wait({});
          std::array<Completion, 8> completions;
          const std::size_t count = rings[index]->reap(completions);
          for (const Completion& completion : std::span(completions).first(count)) {
            if (completion.token.kind != OperationKind::accept) continue;
            EXPECT_EQ(completion.error, IoError::none);
            EXPECT_TRUE(completion.more);
            PeerAddress peer;
            EXPECT_FALSE(rings[index]->peer_address(static_cast<Socket>(completion.result), &peer, {}));
            EXPECT_EQ(peer.text(), "unix");
            has_come = true;
            ++accepted[index];
          }
        }
      ASSERT_TRUE(has_come) << i;
      for (const auto& ring : rings) ring->submit_and_wait({});  // the next accept is armed before the next peer comes
    }
    EXPECT_GE(accepted[0], 5) << accepted[1];
    EXPECT_GE(accepted[1], 5) << accepted[0];
    for (const int peer : peers) ::close(peer);
    rings = {};
    std::filesystem::remove(address.path);
  }
}

}  // namespace
}  // namespace ringgate::ring
