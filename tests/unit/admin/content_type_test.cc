#include "admin/content_type.h"

#include <gtest/gtest.h>

namespace ringgate::admin {
namespace {

TEST(ContentType, NamesTheTypeOfMessage) {
  for (const char* text : {"text/plain", "TEXT/Plain", "text/plain; charset=utf-8",
                           "text/plain;charset=UTF-8", "text/plain ; Charset=\"Utf-8\"", "text/plain;",
                           "text/plain; format=flowed; charset=utf-8", "text/plain; a=\"x;y\\\";\""})
    EXPECT_EQ(message_type_of(text), MessageType::text) << text;
  for (const char* text : {"application/octet-stream", "Application/Octet-Stream; x=y",
                           "application/octet-stream; charset=latin1"})
    EXPECT_EQ(message_type_of(text), MessageType::binary) << text;
}

TEST(ContentType, RefusesAllElse) {
  for (const char* text :
       {"", "text", "text/", "text/html", "application/json", "text/plain; charset=latin1",
        "text/plain; charset=", "text/plain; charset", "text/plain; =utf-8", "text/plain charset=utf-8",
        "text/plain, text/plain", "text/plain; charset=utf-8; charset=ascii", "text/plain; charset=\"utf-8",
        "text/plain; charset=\"utf-8\"x", "text/plain; charset=\"utf-8\\"})
    EXPECT_EQ(message_type_of(text), std::nullopt) << text;
}

}  // namespace
}  // namespace ringgate::admin
