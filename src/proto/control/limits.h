#pragma once

#include "base/json_wire_place.h"

// What decoding a message may take; each was chosen well above what stock software sends.
namespace warren::control {

// Nodes to server: 2 KB as a rule. A router with thousands of routes stays below.
inline constexpr json::wire::Limits kRequestLimits{
    .bytes = std::size_t{256} * 1024, .depth = 32, .list = 8192};

// Single answers; a stock client reads 1 MiB of a registration's (spec: control section 3.2).
inline constexpr json::wire::Limits kResponseLimits{
    .bytes = std::size_t{1024} * 1024, .depth = 32, .list = 8192};

// A map of 10,000 peers has 8 MB (spec: server section 1.6).
inline constexpr json::wire::Limits kMapLimits{
    .bytes = std::size_t{64} << 20U, .depth = 32, .list = 131'072};

}  // namespace warren::control
