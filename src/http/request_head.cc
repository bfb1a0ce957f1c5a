#include "http/request_head.h"

#include "http/byte_class.h"

namespace ringgate::http {

std::size_t RequestView::search_field(std::string_view name, std::size_t from) const {
  for (std::size_t i = from; i < head_->fields.size(); ++i) {
    if (head_->fields[i].name.length != name.size()) continue;
    if (field_name(i) == name || equals_ignoring_case(field_name(i), name)) return i;  // most senders use the same case
  }
  return head_->fields.size();
}

std::size_t RequestView::count_found(std::string_view name) const {
  std::size_t count = 0;
  for (std::size_t i = find_field(name); i < fields_count(); i = find_field(name, i + 1)) ++count;
  return count;
}

bool RequestView::search_token(std::string_view name, std::string_view token) const {
  ListReader members{*this, name};
  while (const auto member = members.next()) {
    if (equals_ignoring_case(*member, token)) return true;
  }
  return false;
}

void ListReader::find_line(std::size_t from) {
  line_index_ = request_->find_field(name_, from);
  rest_ = line_index_ < request_->fields_count() ? request_->field_value(line_index_) : std::string_view{};
}

std::optional<std::string_view> ListReader::next() {
  while (line_index_ < request_->fields_count()) {
    while (!rest_.empty()) {
      const std::size_t comma = rest_.find(',');
      const std::string_view member = trim(rest_.substr(0, comma));
      rest_ = comma == std::string_view::npos ? std::string_view{} : rest_.substr(comma + 1);
      if (!member.empty()) return member;
    }
    find_line(line_index_ + 1);
  }
  return std::nullopt;
}

}  // namespace ringgate::http
