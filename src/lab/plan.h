#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lab/topology.h"

// The lab that `warren lab` makes: a small Internet with the places where people are when their
// machines cannot reach each other. Names and addresses are always the same, and docs/lab.md
// tells them to people. Host number n is n in each address that it ever has.
namespace warren::lab {

inline constexpr std::string_view kDefaultLabName = "warren-lab";

// Where a host can be. Networks as text without the host's number; empty: none of that family.
struct Place {
  std::string_view name;
  std::string_view router;  // that its hosts are behind
  std::string_view v4;      // of a network of 24 bits; .1 is the router's
  std::string_view v6;      // of 64 bits; ::1 is the router's
};

struct Machine {
  std::string_view name;
  unsigned number;
  std::string_view place;  // where it is at first
  std::string_view note;   // for people
};

std::span<const Place> places();
std::span<const Machine> machines();

// Errors name the choices.
Result<const Place*> find_place(std::string_view name);
Result<const Machine*> find_machine(std::string_view name);
Result<void> check_router(std::string_view name);

// Of which a router is the way out; null when it is none's.
const Place* place_behind(std::string_view router);

std::vector<InterfaceAddress> addresses_at(const Machine& machine, const Place& place);

// Letters, digits and "-", "_", ".", 1 to 32, and a letter or digit first: it becomes part of file
// names.
Result<void> check_lab_name(std::string_view lab);

std::string namespace_name(std::string_view lab, std::string_view machine);

// The places, the links between them, and each host where it is at first.
Topology make_topology(std::string_view lab);

// Of a host, as /etc/hosts: itself, and whom everybody can reach.
std::string hosts_file(const Machine& machine);

// The tree of routers and hosts with their addresses.
std::string drawing();

// What to do with a lab that is up. `program` is how it is called: "warren lab".
std::string suggestions(std::string_view program);

}  // namespace warren::lab
