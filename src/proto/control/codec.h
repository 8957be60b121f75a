#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// JSON of the control protocol: lenient in, exact out (spec: control section 6). The types are in
// the headers beside this one, their field tables in the *_fields.h.
namespace warren::control {

// For
//   RegisterRequest, RegisterResponse, MapRequest, MapResponse, PingResponse, SshAction,
//   KeyResponse, and the types of small.h;
// and the parts that a server stores, or renders once for many receivers:
//   Node, Hostinfo, PeerChange, UserProfile, FilterRule, DnsConfig, DerpMap.
// Errors say where in the document: "Hostinfo.Services[3].Port: expected ...". The limits of each
// are in limits.h.
template <class T>
Result<T> decode(std::string_view json);

// Appends the JSON text; what is in `out` stays.
template <class T>
void append(std::string& out, const T& message);

template <class T>
std::string encode(const T& message) {
  std::string out;
  append(out, message);
  return out;
}

}  // namespace warren::control
