#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "proto/uapi/request.h"
#include "tunnel/tunnel.h"

namespace warren::plain {

// Answers requests of the userspace interface (proto/uapi) about one tunnel. On its control strand.
class UapiDevice {
 public:
  // Both outlive it. `set_mark` changes the mark of outer packets, and whatever depends on it.
  using SetMark = std::function<Result<void>(std::uint32_t)>;

  UapiDevice(tunnel::Tunnel& tunnel, SetMark set_mark)
      : tunnel_(tunnel), set_mark_(std::move(set_mark)) {}

  // `request` with its empty line. The answer may hold keys: the caller wipes both.
  std::string answer(std::string_view request);

 private:
  std::string get() const;
  Result<void> set(uapi::SetRequest request);

  tunnel::Tunnel& tunnel_;
  SetMark set_mark_;
};

}  // namespace warren::plain
