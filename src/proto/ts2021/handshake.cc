#include "proto/ts2021/handshake.h"

#include <algorithm>
#include <string>

namespace warren::ts2021 {

namespace {

std::string prologue(std::uint16_t version) {
  return "Tailscale Control Protocol v" + std::to_string(version);
}

void write_header(ByteWriter& out, FrameType type, std::size_t size) {
  out.u8(static_cast<std::uint8_t>(type));
  out.be16(static_cast<std::uint16_t>(size));
}

}  // namespace

std::optional<StartedHandshake> start_handshake(const MachinePrivateKey& own,
                                                const MachinePublicKey& server,
                                                std::uint16_t version,
                                                Random& random) {
  StartedHandshake out;
  ByteWriter header(out.message);
  header.be16(version);
  write_header(header, FrameType::Initiation, kNoiseInitiationSize);
  const auto noise = std::span(out.message).last<kNoiseInitiationSize>();
  auto started = noise_initiate(noise, own, server, as_bytes(prologue(version)), random);
  if (!started) return std::nullopt;
  out.noise = std::move(*started);
  return out;
}

Result<std::optional<Answer>, DecodeError> next_answer(ByteView stream) {
  if (stream.size() < kFrameHeaderSize) return std::nullopt;
  ByteReader in(stream);
  const auto type = FrameType{in.u8()};
  const std::size_t size = in.be16();
  if (type == FrameType::Response) {
    if (size != kNoiseResponseSize) return unexpected(DecodeError::BadLength);
  } else if (type == FrameType::Error) {
    if (size > kMaxFrameSize - kFrameHeaderSize) return unexpected(DecodeError::BadLength);
  } else {
    return unexpected(DecodeError::NotThisMessage);
  }
  if (in.remaining() < size) return std::nullopt;
  return Answer{.type = type, .payload = in.take(size)};
}

std::optional<NoiseKeys> finish_handshake(const StartedHandshake& started,
                                          const MachinePrivateKey& own,
                                          const Answer& answer) {
  if (answer.type != FrameType::Response || answer.payload.size() != kNoiseResponseSize) {
    return std::nullopt;
  }
  return noise_finish(started.noise, own, answer.payload.first<kNoiseResponseSize>());
}

Result<Initiation, DecodeError> decode_initiation(ByteView message) {
  if (message.size() < kInitiationSize) return unexpected(DecodeError::Truncated);
  if (message.size() > kInitiationSize) return unexpected(DecodeError::BadLength);
  ByteReader in(message);
  const std::uint16_t version = in.be16();
  if (FrameType{in.u8()} != FrameType::Initiation) return unexpected(DecodeError::NotThisMessage);
  if (in.be16() != kNoiseInitiationSize) return unexpected(DecodeError::BadLength);
  return Initiation{.version = version, .noise = message.last<kNoiseInitiationSize>()};
}

std::optional<AcceptedHandshake> accept_handshake(const Initiation& initiation,
                                                  const MachinePrivateKey& server,
                                                  Random& random) {
  AcceptedHandshake out;
  out.version = initiation.version;
  ByteWriter header(out.message);
  write_header(header, FrameType::Response, kNoiseResponseSize);
  auto accepted = noise_accept(std::span(out.message).last<kNoiseResponseSize>(), server,
                               initiation.noise, as_bytes(prologue(initiation.version)), random);
  if (!accepted) return std::nullopt;
  out.machine = accepted->initiator;
  out.keys = std::move(accepted->keys);
  return out;
}

std::vector<std::uint8_t> encode_error(std::string_view text) {
  text = text.substr(0, kMaxFrameSize - kFrameHeaderSize);
  std::vector<std::uint8_t> out(kFrameHeaderSize + text.size());
  ByteWriter writer(out);
  write_header(writer, FrameType::Error, text.size());
  writer.bytes(as_bytes(text));
  return out;
}

}  // namespace warren::ts2021
