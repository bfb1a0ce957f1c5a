#include "hooks/receiver_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace ringgate::hooks {
namespace {

bool judge(const char* text) {
  sockaddr_storage storage{};
  if (auto* const in = reinterpret_cast<sockaddr_in*>(&storage); inet_pton(AF_INET, text, &in->sin_addr) == 1) {
    storage.ss_family = AF_INET;
  } else {
    auto* const in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    EXPECT_EQ(inet_pton(AF_INET6, text, &in6->sin6_addr), 1) << text;
    storage.ss_family = AF_INET6;
  }
  return is_local(reinterpret_cast<const sockaddr&>(storage));
}

TEST(ReceiverAddress, IsLocalInEachNotation) {
  for (const char* text :
       {"127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "169.254.169.254", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
        "febf::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.1.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"})
    EXPECT_TRUE(judge(text)) << text;
  for (const char* text : {"192.0.2.7", "10.0.0.1", "126.255.255.255", "128.0.0.1", "169.253.1.1", "223.255.255.255",
                           "2001:db8::1", "fec0::1", "fd00::1", "::ffff:192.0.2.7", "64:ff9b::c000:207"})
    EXPECT_FALSE(judge(text)) << text;
}

TEST(ReceiverAddress, IsLocalOfAnyOtherFamily) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_TRUE(is_local(address));
}

}  // namespace
}  // namespace ringgate::hooks
