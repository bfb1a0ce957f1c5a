// Runs a fuzz target over its corpus, so that every input that once mattered is tried in the ordinary tests: folders of seeds, and
// tar archives of what fuzzers found (docs/fuzzing.md). Of tar it knows what `tools/fuzz --add` writes: plain files with short names.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<char> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A copy of exactly its size, so that a sanitizer sees who reads beyond the end.
void replay(const char* data, std::size_t size) {
  const std::vector<char> input(data, data + size);
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

/// @return how many inputs it held; -1 if it is no whole archive.
int replay_archive(const std::filesystem::path& path) {
  constexpr std::size_t block = 512, size_at = 124, size_digits = 11, type_at = 156;
  const std::vector<char> archive = read(path);
  int count = 0;
  for (std::size_t at = 0; at + block <= archive.size();) {
    const char* header = archive.data() + at;
    if (header[0] == 0) return count;
    const std::size_t size = std::strtoull(std::string(header + size_at, size_digits).c_str(), nullptr, 8);
    at += block;
    if ((header[type_at] != '0' && header[type_at] != 0) || size > archive.size() - at) return -1;
    replay(archive.data() + at, size);
    at += (size + block - 1) / block * block;
    ++count;
  }
  return -1;
}

int replay_folder(const std::filesystem::path& path) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (!entry.is_regular_file()) continue;
    const std::vector<char> input = read(entry.path());
    replay(input.data(), input.size());
    ++count;
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  int sum = 0;
  for (int i = 1; i < argc; ++i) {
    const int count = std::filesystem::is_directory(argv[i]) ? replay_folder(argv[i]) : replay_archive(argv[i]);
    if (count <= 0) {
      std::printf("%s: no inputs, or no whole archive\n", argv[i]);
      return 1;
    }
    sum += count;
  }
  std::printf("%d inputs replayed\n", sum);
  return sum > 0 ? 0 : 1;
}
