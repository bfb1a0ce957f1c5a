#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "support/tls/certificate_maker.h"

namespace ringgate::tls {
namespace {

std::int64_t now = 0;

TEST(TicketKeys, ChangeEveryHourAndAreTheSameForEverybody) {
  const TicketSecret secret{7};
  TicketKeys one(secret, [] { return now; }), other(secret, [] { return now; });
  now = 3600 * 500'000;
  const TicketKeys::Key first = *one.current();
  EXPECT_EQ(other.current()->name, first.name);
  EXPECT_EQ(other.current()->cipher_key, first.cipher_key);
  EXPECT_NE(first.cipher_key, first.mac_key);
  now += 3599;
  EXPECT_EQ(one.current()->name, first.name);
  now += 1;
  const TicketKeys::Key second = *one.current();
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.mac_key, first.mac_key);
  ASSERT_NE(one.find(first.name), nullptr);
  EXPECT_EQ(one.find(first.name)->cipher_key, first.cipher_key);
  now += 2 * 3600;
  EXPECT_EQ(one.find(first.name), nullptr);
  EXPECT_NE(one.find(second.name), nullptr);
}

TEST(TicketKeys, OfAnotherSecretAreUnknown) {
  TicketKeys one(TicketSecret{1}, [] { return now; }), other(TicketSecret{2}, [] { return now; });
  EXPECT_EQ(one.find(other.current()->name), nullptr);
  EXPECT_NE(new_ticket_secret(), new_ticket_secret());
}

TEST(TicketKeys, ComeFromAFile) {
  const test::CertificateMaker folder;
  const auto file = [&](const std::string& name, const std::string& bytes) {
    const std::string path = folder.folder() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  };
  const std::string secret(31, 's');
  EXPECT_EQ(load_ticket_secret(file("a", secret + "x")).value(), load_ticket_secret(file("b", secret + "x")).value());
  EXPECT_NE(load_ticket_secret(file("a", secret + "x")).value(), load_ticket_secret(file("b", secret + "y")).value());
  EXPECT_NE(load_ticket_secret(file("a", secret + "x")).value(), load_ticket_secret(file("b", secret + "x and more")).value());
  EXPECT_TRUE(load_ticket_secret(file("short", secret)).error().ends_with("holds fewer than 32 bytes of secret"));
  EXPECT_TRUE(load_ticket_secret(file("long", std::string(65 * 1024, 's'))).error().ends_with("is longer than 64 KiB"));
  EXPECT_TRUE(load_ticket_secret("/nowhere").error().starts_with("/nowhere cannot be read: No such file"));
}

}  // namespace
}  // namespace ringgate::tls
