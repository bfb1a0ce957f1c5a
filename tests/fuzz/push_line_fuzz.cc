// A line of a batch of pushes. Oracles: whatever is accepted is what a JSON library reads of the same text, with the same members and
// no other; written anew from what was read, it is read as the same.
//
// Input: the line.
//
// Tests: src/admin/push_line.*
#include <nlohmann/json.hpp>
#include <string>

#include "admin/push_line.h"
#include "auth/text_coding.h"
#include "fuzz_case.h"
#include "ws/utf8.h"

namespace {

using namespace ringgate;
using namespace ringgate::fuzz;
using namespace ringgate::admin;
using Json = nlohmann::json;

std::string rewritten(const PushLine& push, bool as_base64) {
  Json line{{"device", push.device_id}, {"type", push.type == MessageType::text ? "text" : "binary"}};
  if (as_base64) line["base64"] = auth::encode_base64(bytes_of(push.payload), auth::Base64::standard);
  else line["text"] = push.payload;
  if (push.id) line["id"] = Json::parse(*push.id);
  return line.dump();
}

void require_same(const PushLine& one, std::string_view line) {
  const auto other = read_push_line(line, IdCharacters::strict);
  require(other && other->device_id == one.device_id && other->payload == one.payload && other->type == one.type &&
              other->id == one.id,
          "written anew it means the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const std::string line(text_of(choices.rest()));
  const auto push = read_push_line(line, IdCharacters::strict);
  const Json library = Json::parse(line, nullptr, false);
  if (!push) return 0;
  require(library.is_object() && library.size() <= 10, "a library reads an object");
  require(library.at("device") == push->device_id && is_valid_device_id(push->device_id), "the device is its member");
  require(library.contains("text") != library.contains("base64"), "one payload");
  const bool is_text = push->type == MessageType::text;
  require(!is_text || ws::valid_utf8(bytes_of(push->payload)), "a text is UTF-8");
  if (library.contains("text")) require(library.at("text") == push->payload, "the text is its member");
  else
    require(library.at("base64") == Json(auth::encode_base64(bytes_of(push->payload), auth::Base64::standard)),
            "base64 is strict");
  require(library.contains("id") == push->id.has_value() && (!push->id || Json::parse(*push->id) == library.at("id")),
          "the id too");
  require_same(*push, rewritten(*push, true));
  if (ws::valid_utf8(bytes_of(push->payload))) require_same(*push, rewritten(*push, false));
  return 0;
}
