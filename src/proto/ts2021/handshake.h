#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"
#include "crypto/noise_ik.h"
#include "proto/ts2021/frames.h"

// The handshake of a control connection in its frames: crypto/noise_ik.h with a prologue that
// carries the version. Pure; 101 bytes one way, 51 the other.
namespace warren::ts2021 {

// --- Client

struct StartedHandshake {
  NoiseInitiation noise;
  std::array<std::uint8_t, kInitiationSize> message{};
};

// `version` is the client's capability version. None when `server` is no usable key.
std::optional<StartedHandshake> start_handshake(const MachinePrivateKey& own,
                                                const MachinePublicKey& server,
                                                std::uint16_t version,
                                                Random& random);

// What the server says first. Borrowed from the stream.
struct Answer {
  FrameType type = FrameType::Error;  // Response or Error
  // Of an error: text for a person. Anybody on the way may have written it: take out what is not
  // printable before showing it.
  ByteView payload;

  std::size_t size() const { return kFrameHeaderSize + payload.size(); }
};

// None while it is not complete. Records follow it at answer.size().
Result<std::optional<Answer>, DecodeError> next_answer(ByteView stream);

// None when the answer is an error, or not from `server`.
std::optional<NoiseKeys> finish_handshake(const StartedHandshake& started,
                                          const MachinePrivateKey& own,
                                          const Answer& answer);

// --- Server

// Borrowed from the message.
struct Initiation {
  std::uint16_t version = 0;  // any; authenticated by the handshake
  std::span<const std::uint8_t, kNoiseInitiationSize> noise;
};

Result<Initiation, DecodeError> decode_initiation(ByteView message);

struct AcceptedHandshake {
  MachinePublicKey machine;
  std::uint16_t version = 0;
  std::array<std::uint8_t, kResponseSize> message{};
  NoiseKeys keys;
};

// None when the initiation is not for `server`, or forged: the connection is closed without a word.
std::optional<AcceptedHandshake> accept_handshake(const Initiation& initiation,
                                                  const MachinePrivateKey& server,
                                                  Random& random);

// An error frame; text beyond the frame's limit is cut.
std::vector<std::uint8_t> encode_error(std::string_view text);

}  // namespace warren::ts2021
