#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include <unistd.h>

#include "db/error.h"

// Test support: a directory that goes with its test, and results that must be there.
namespace warren::db {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // In memory where that is possible: these tests flush thousands of times.
    const char* const memory = "/dev/shm";
    const std::filesystem::path parent =
        access(memory, W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string name = (parent / "warren-db-XXXXXX").string();
    WARREN_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Whole files, to damage them.
inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

template <class T>
T must(Result<T> result) {
  if (!result) static_cast<void>(std::fprintf(stderr, "%s\n", result.error().detail.c_str()));
  WARREN_CHECK(result.has_value());
  return std::move(*result);
}

}  // namespace warren::db
