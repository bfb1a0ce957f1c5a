#include "list_reader.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "case_parser.h"
#include "lexer.h"

namespace ringgate::abuse {

namespace {

/// What the directives of a row say about the cases that follow them.
struct Circumstances {
  std::vector<std::string> settings;
  Place place = Place::everywhere;
  bool is_admin = false;
};

class SectionReader {
 public:
  explicit SectionReader(const std::filesystem::path& path) : input_(path), file_(path.filename()) { section_.file = file_; }

  Section read() {
    for (std::string line; next(line);) {
      try {
        take(line);
      } catch (const ListFault& fault) {
        throw ListFault(file_ + ":" + std::to_string(line_number_) + ": " + fault.what());
      }
    }
    if (section_.title.empty()) throw ListFault(file_ + ": no line with the section's title ('== A. Request line')");
    return std::move(section_);
  }

 private:
  /// The next line; one that ends in a backslash goes on in the one after.
  bool next(std::string& line) {
    line.clear();
    for (std::string part; std::getline(input_, part);) {
      ++line_number_;
      const bool goes_on = part.ends_with(" \\");
      line += goes_on ? part.substr(0, part.size() - 1) : part;
      if (!goes_on) return true;
    }
    return !line.empty();
  }

  void take(const std::string& line) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string::npos || line[begin] == '#') return;
    if (line.starts_with("== ")) {
      section_.title = line.substr(3);
    } else if (begin == 0) {
      const std::size_t space = line.find(' ');
      section_.rows.push_back({.id = line.substr(0, space), .title = space == std::string::npos ? "" : line.substr(space + 1)});
      circumstances_ = {};
    } else if (section_.rows.empty()) {
      throw ListFault("this belongs to no row");
    } else if (line[begin] == '@') {
      directive(line.substr(begin + 1));
    } else {
      add_cases(line.substr(begin));
    }
  }

  void directive(const std::string& text) {
    std::istringstream words(text);
    std::string name;
    words >> name >> std::ws;
    std::string rest;
    std::getline(words, rest);
    Row& row = section_.rows.back();
    const auto not_by_cases = [&](Row::Kind kind) {
      row.kind = kind;
      row.note = rest;
    };
    if (name == "admin") circumstances_.is_admin = true;
    else if (name == "simulated") circumstances_.place = Place::simulated;
    else if (name == "real") circumstances_.place = Place::real;
    else if (name == "set") set(rest);
    else if (name == "code") not_by_cases(Row::Kind::code);
    else if (name == "elsewhere") not_by_cases(Row::Kind::elsewhere);
    else if (name == "waits") not_by_cases(Row::Kind::waits);
    else if (name == "left-out") not_by_cases(Row::Kind::left_out);
    else throw ListFault("unknown directive @" + name);
  }

  /// Replaces the settings of the cases that follow.
  void set(const std::string& text) {
    std::istringstream words(text);
    circumstances_.settings.clear();
    for (std::string setting; words >> setting;) circumstances_.settings.push_back(setting);
  }

  void add_cases(const std::string& text) {
    const std::vector<Token> tokens = split(text);
    std::size_t begin = 0;
    std::vector<std::string> values = parse_each(tokens, begin);
    if (values.empty()) values.emplace_back();
    for (const std::string& value : values) {
      Case one = parse_case(std::span(tokens).subspan(begin), value);
      one.text = text;
      one.line = line_number_;
      one.settings = circumstances_.settings;
      one.place = circumstances_.place;
      if (circumstances_.is_admin) one.port = Port::admin;
      section_.rows.back().cases.push_back(std::move(one));
    }
  }

  std::ifstream input_;
  std::string file_;
  int line_number_ = 0;
  Section section_;
  Circumstances circumstances_;
};

void check(const std::vector<Section>& sections) {
  std::set<std::string> ids;
  for (const Section& section : sections) {
    for (const Row& row : section.rows) {
      if (!ids.insert(row.id).second) throw ListFault(section.file + ": " + row.id + " stands there twice");
      if (row.cases.empty() && row.kind == Row::Kind::cases) throw ListFault(section.file + ": " + row.id + " has no case");
    }
  }
}

}  // namespace

std::vector<Section> read_list(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().extension() == ".rows") files.push_back(entry.path());
  std::ranges::sort(files);
  std::vector<Section> sections;
  for (const auto& file : files) sections.push_back(SectionReader(file).read());
  check(sections);
  return sections;
}

}  // namespace ringgate::abuse
