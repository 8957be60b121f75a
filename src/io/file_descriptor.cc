#include "io/file_descriptor.h"

#include <unistd.h>

namespace warren::io {

void FileDescriptor::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace warren::io
