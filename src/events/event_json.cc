#include "events/event_json.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

namespace ringgate::events {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_hex(std::string& out, std::uint64_t value) {
  std::array<char, 16> digits;
  for (std::size_t i = digits.size(); i-- > 0; value >>= 4) digits[i] = hex_digits[value & 15];
  out.append(digits.data(), digits.size());
}

void append_member(std::string& out, std::string_view name_and_colon, std::uint64_t value) {
  out += name_and_colon;
  append_number(out, value);
}

/// 0: as it is; 'u': as \u00XX; else: behind a backslash.
constexpr std::array<char, 256> escapes = [] {
  std::array<char, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b', table['\f'] = 'f', table['\n'] = 'n', table['\r'] = 'r', table['\t'] = 't';
  table['"'] = '"', table['\\'] = '\\';
  return table;
}();

/// Whether any of eight bytes needs an escape; it may also say so of bytes from 0x80 on, never the other way round.
bool may_need_escape(std::uint64_t eight) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101, highs = 0x8080'8080'8080'8080;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & highs; };
  return (((eight - ones * 0x20) & ~eight & highs) | has_zero(eight ^ ones * '"') | has_zero(eight ^ ones * '\\')) != 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0, at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;
    if (text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if (!may_need_escape(eight)) {
        at += sizeof eight;
        continue;
      }
    }
    const std::size_t stop = std::min(text.size(), at + sizeof eight);
    for (; at < stop; ++at) {
      const auto c = static_cast<unsigned char>(text[at]);
      const char escape = escapes[c];
      if (escape == 0) continue;
      out.append(text, copied, at - copied);
      copied = at + 1;
      out += '\\';
      out += escape;
      if (escape == 'u') out.append("00").append({hex_digits[c >> 4], hex_digits[c & 15]});
    }
  }
  out.append(text, copied);
  out += '"';
}

void append_base64(std::string& out, ByteView bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4);
  char* to = out.data() + start;
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t three = std::uint32_t{bytes[i]} << 16 | std::uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    *to++ = digits[three >> 18];
    *to++ = digits[three >> 12 & 63];
    *to++ = digits[three >> 6 & 63];
    *to++ = digits[three & 63];
  }
  const std::size_t left = bytes.size() - i;
  if (left == 0) return;
  const std::uint32_t rest = std::uint32_t{bytes[i]} << 16 | (left == 2 ? std::uint32_t{bytes[i + 1]} << 8 : 0U);
  *to++ = digits[rest >> 18];
  *to++ = digits[rest >> 12 & 63];
  *to++ = left == 2 ? digits[rest >> 6 & 63] : '=';
  *to++ = '=';
}

void append_end_json(std::string& out, std::string_view reason) {
  out.append("{\"type\":\"end\",\"reason\":\"").append(reason).append("\"}");
}

std::optional<EventId> EventId::parse(std::string_view text) {
  constexpr std::size_t boot_digits = 16;
  if (text.size() <= boot_digits + 1 || text[boot_digits] != '-') return std::nullopt;
  EventId id;
  const char* const boot_end = text.data() + boot_digits;
  const auto boot = std::from_chars(text.data(), boot_end, id.boot, 16);
  const std::string_view number_text = text.substr(boot_digits + 1);
  const char* const end = text.data() + text.size();
  const auto number = std::from_chars(number_text.data(), end, id.number);
  if (boot.ec != std::errc{} || boot.ptr != boot_end || number.ec != std::errc{} || number.ptr != end) return std::nullopt;
  if (number_text.size() > 1 && number_text.front() == '0') return std::nullopt;
  return id;
}

EventEncoder::EventEncoder(std::uint64_t boot, std::vector<std::string> routes) : boot_(boot), routes_(std::move(routes)) {
  std::string prefix;
  append_hex(prefix, boot);
  prefix += '-';
  std::ranges::copy(prefix, id_prefix_.begin());
  for (const std::string& route : routes_) append_json_string(routes_json_.emplace_back(), route);
}

std::string_view EventEncoder::route_of(const RecordView& record) const {
  return record.head().route < routes_.size() ? std::string_view{routes_[record.head().route]} : std::string_view{};
}

void EventEncoder::append_id(std::string& out, std::uint64_t number) const {
  out.append(id_prefix_.data(), id_prefix_.size());
  append_number(out, number);
}

void EventEncoder::append_time(std::string& out, std::uint64_t time_ms) {
  const std::uint64_t second = time_ms / 1000;
  if (second != second_) {
    second_ = second;
    const auto moment = static_cast<std::time_t>(second);
    std::tm parts{};
    std::array<char, 32> text{};
    if (::gmtime_r(&moment, &parts) != nullptr) (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    std::ranges::copy_n(text.begin(), static_cast<std::ptrdiff_t>(second_text_.size()), second_text_.begin());
  }
  const auto ms = static_cast<unsigned>(time_ms % 1000);
  out.append(second_text_.data(), second_text_.size());
  out.append({static_cast<char>('0' + ms / 100), static_cast<char>('0' + ms / 10 % 10), static_cast<char>('0' + ms % 10), 'Z'});
}

void EventEncoder::append_json(std::string& out, const RecordView& record, Payload payload, std::string_view more) {
  const RecordHead& head = record.head();
  out += "{\"type\":\"";
  out += word_of(record.type());
  out += "\",\"id\":\"";
  append_id(out, head.number);
  out += "\",\"time\":\"";
  append_time(out, head.time_ms);
  out += '"';
  if (record.is_of_device()) {
    out += ",\"device\":";
    append_json_string(out, record.device_id());
    out += ",\"conn\":\"";
    append_hex(out, head.connection);
    out += "\",\"epoch\":\"";
    append_number(out, head.epoch);
    out += "\",\"seq\":";
    append_number(out, head.seq);
    if (head.route < routes_json_.size()) out.append(",\"route\":").append(routes_json_[head.route]);
    if (!record.groups().empty()) {
      out += ",\"groups\":[";
      const std::size_t first = out.size();
      record.groups().for_each([&](std::string_view group) {
        if (out.size() != first) out += ',';
        append_json_string(out, group);
      });
      out += ']';
    }
  }
  append_details(out, record, payload);
  out += more;
  out += '}';
}

void EventEncoder::append_details(std::string& out, const RecordView& record, Payload payload) {
  const std::string_view text = text_of(record.payload());
  switch (record.type()) {
    case EventType::connected: {
      const auto [remote, trace_parent] = record.connected();
      out += ",\"remote\":";
      append_json_string(out, remote);
      if (!trace_parent.empty()) out += ",\"traceparent\":";
      if (!trace_parent.empty()) append_json_string(out, trace_parent);
      break;
    }
    case EventType::disconnected: {
      const EndFacts end = record.end();
      append_member(out, ",\"code\":", static_cast<std::uint16_t>(end.code));
      out += ",\"reason\":";
      append_json_string(out, text);
      out.append(",\"ended_by\":\"").append(dispatch::word_of(end.ended_by)).append("\"");
      append_member(out, ",\"duration_ms\":", end.duration_ms);
      append_member(out, ",\"bytes_in\":", end.bytes_in);
      append_member(out, ",\"bytes_out\":", end.bytes_out);
      append_member(out, ",\"messages_in\":", end.messages_in);
      append_member(out, ",\"messages_out\":", end.messages_out);
      break;
    }
    case EventType::replaced:
      out += ",\"replaced_conn\":\"";
      append_hex(out, record.word(0));
      out += '"';
      break;
    case EventType::message: {
      const bool is_text = record.message_type() == MessageType::text;
      if (payload == Payload::behind) {
        out += is_text ? ",\"kind\":\"text\"" : ",\"kind\":\"binary\"";
        append_member(out, ",\"bytes\":", record.payload().size());
      } else if (is_text) {
        out += ",\"text\":";
        append_json_string(out, text);
      } else {
        out += ",\"base64\":\"";
        append_base64(out, record.payload());
        out += '"';
      }
      break;
    }
    case EventType::slow:
      out.append(",\"state\":\"").append(dispatch::word_of(record.slowness())).append("\"");
      append_member(out, ",\"queued_bytes\":", record.word(0));
      break;
    case EventType::credential_expiring: {
      const std::size_t space = std::min(text.find(' '), text.size());
      out += ",\"credential\":";
      append_json_string(out, text.substr(0, space));
      out += ",\"token_id\":";
      append_json_string(out, text.substr(std::min(space + 1, text.size())));
      out += ",\"expires_at\":\"";
      append_time(out, record.word(0) * 1000);
      out += '"';
      break;
    }
    case EventType::gap: {
      out += ",\"reason\":\"dropped\",\"missed\":";
      std::uint64_t missed = 0;
      for (std::size_t i = 0; i < event_types_count; ++i) missed += record.word(i);
      append_number(out, missed);
      out += ",\"by_type\":{";
      bool is_first = true;
      for (std::size_t i = 0; i < event_types_count; ++i) {
        if (record.word(i) == 0) continue;
        if (!std::exchange(is_first, false)) out += ',';
        out.append("\"").append(event_type_words[i]).append("\":");
        append_number(out, record.word(i));
      }
      out += '}';
      break;
    }
  }
}

void EventEncoder::append_sse(std::string& out, const RecordView& record) {
  out += "id: ";
  append_id(out, record.number());
  out += "\nevent: ";
  out += word_of(record.type());
  out += "\ndata: ";
  append_json(out, record);
  out += "\n\n";
}

void EventEncoder::append_line(std::string& out, const RecordView& record) {
  append_json(out, record);
  out += '\n';
}

void EventEncoder::append_gap_json(std::string& out, const Gap& gap) {
  out += "{\"type\":\"gap\",\"time\":\"";
  append_time(out, gap.time_ms);
  out.append("\",\"reason\":\"").append(gap.reason).append("\"");
  if (gap.missed != 0) append_member(out, ",\"missed\":", gap.missed);
  out += '}';
}

}  // namespace ringgate::events
