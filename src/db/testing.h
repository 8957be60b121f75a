#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "db/error.h"

// Test support: a directory that goes with its test, and results that must be there.
namespace warren::db {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "warren-db-XXXXXX").string();
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

template <class T>
T must(Result<T> result) {
  if (!result) static_cast<void>(std::fprintf(stderr, "%s\n", result.error().detail.c_str()));
  WARREN_CHECK(result.has_value());
  return std::move(*result);
}

}  // namespace warren::db
