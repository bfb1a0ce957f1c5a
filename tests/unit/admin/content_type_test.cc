#include "admin/content_type.h"

#include <gtest/gtest.h>

namespace ringgate::admin {
namespace {

TEST(ContentType, NamesTheTypeOfMessage) {
  for (const char* text : {"text/plain",
                           "TEXT/Plain",
                           "text/plain; charset=utf-8",
                           "text/plain;charset=UTF-8",
                           "text/plain ; Charset=\"Utf-8\"",
                           "text/plain;",
                           "text/plain; format=flowed; charset=utf-8",
                           "text/plain; a=\"x;y\\\";\"",
                           "text/html",
                           "text/csv; charset=utf8",
                           "text/plain; charset=US-ASCII",
                           "text/plain; charset=ascii",
                           "application/json",
                           "Application/JSON",
                           "application/json; charset=\"utf-8\"",
                           "application/problem+json",
                           "application/cloudevents+JSON",
                           "application/json;charset=UTF8",
                           "text/plain; charset=ANSI_X3.4-1968",
                           "text/plain; charset=IBM367",
                           "text/plain; charset=cp367",
                           "text/plain; charset=\"ISO_646.irv:1991\""})
    EXPECT_EQ(message_type_of(text), MessageType::text) << text;
  for (const char* text :
       {"application/octet-stream", "Application/Octet-Stream; x=y", "application/octet-stream; charset=latin1"})
    EXPECT_EQ(message_type_of(text), MessageType::binary) << text;
}

TEST(ContentType, RefusesAllElse) {
  for (const char* text : {"",
                           "text",
                           "text/",
                           "application/xml",
                           "application/+json",
                           "multipart/form-data; boundary=x",
                           "image/png",
                           "application/x-www-form-urlencoded",
                           "application/json; charset=utf-16",
                           "text/plain; charset=iso-8859-1",
                           "/json",
                           "text/a/b",
                           "text/ plain",
                           "json",
                           "text/plain; charset=latin1",
                           "text/plain; charset=",
                           "text/plain; charset",
                           "text/plain; =utf-8",
                           "text/plain charset=utf-8",
                           "text/plain, text/plain",
                           "text/plain; charset=utf-8; charset=latin1",
                           "text/plain; charset=\"utf-8",
                           "text/plain; charset=\"utf-8\"x",
                           "text/plain; charset=\"utf-8\\"})
    EXPECT_EQ(message_type_of(text), std::nullopt) << text;
}

}  // namespace
}  // namespace ringgate::admin
