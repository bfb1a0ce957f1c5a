// The texts of answers that are written without a JSON library: what one would write.
#include "admin/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ringgate::admin {
namespace {

using Json = nlohmann::ordered_json;

std::string reference(std::string_view device_id, const PushResult& result) {
  Json answer{{"status", "delivered"},
              {"device_id", device_id},
              {"conn", result.connection.text()},
              {"queued_bytes", result.queued_bytes}};
  for (const PushPart& part : result.parts)
    answer["connections"].push_back(
        {{"conn", part.connection.text()}, {"status", name_of(part.outcome)}, {"queued_bytes", part.queued_bytes}});
  return answer.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TEST(DeliveredJson, IsWhatALibraryWritesForEveryCharacterOfAnId) {
  const PushResult result{.outcome = PushOutcome::delivered, .connection = {.word = 0x0123'4567'89ab'cdef}, .queued_bytes = 62};
  EXPECT_EQ(delivered_json("sensor-1", result), reference("sensor-1", result));
  for (int byte = 0; byte < 256; ++byte) {  // more than ids may have
    const std::string id{'a', static_cast<char>(byte), 'z'};
    EXPECT_EQ(delivered_json(id, result), reference(id, result)) << byte;
  }
}

TEST(DeliveredJson, NamesEachConnectionOfADeviceWithSeveral) {
  PushResult result{.outcome = PushOutcome::delivered, .connection = {.word = 7}, .queued_bytes = UINT64_MAX};
  for (std::uint64_t word = 1; word <= 3; ++word) {
    result.parts.push_back({word == 2 ? PushOutcome::backpressure : PushOutcome::delivered, {.word = word}, word * 1000});
    EXPECT_EQ(delivered_json("sensor-1", result), reference("sensor-1", result)) << word;
  }
}

}  // namespace
}  // namespace ringgate::admin
