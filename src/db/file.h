#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "db/error.h"

// The few things we do with files beside what SQLite does.
namespace warren::db {

// Owns a descriptor.
class Descriptor {
 public:
  Descriptor() = default;

  explicit Descriptor(int fd) : fd_(fd) {}

  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  ~Descriptor();

  int get() const { return fd_; }

  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Nothing when there is no such file.
std::optional<std::uint64_t> file_size(const std::string& path);

// Bytes that may still be written in this directory.
Result<std::uint64_t> free_space(const std::string& directory);

// Is content when there is none.
Result<void> remove_file(const std::string& path);

// On disk when it returns, like the removals and renames before it in the same directory.
Result<void> rename_file(const std::string& from, const std::string& to);
Result<void> sync_file(const std::string& path);
Result<void> sync_directory(const std::string& path);

// A directory, or an empty file, that only its owner can read. Content when it is there.
Result<void> make_private_directory(const std::string& path);
Result<void> make_private_file(const std::string& path);

// The file under a second name: at once, and without using space, where the file system can.
Result<void> keep_copy(const std::string& from, const std::string& to);

}  // namespace warren::db
