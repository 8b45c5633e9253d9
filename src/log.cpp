// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/log.hpp>

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace sluice::log {

namespace {

spdlog::level::level_enum to_spdlog(level l) noexcept
{
    switch (l) {
    case level::trace: return spdlog::level::trace;
    case level::debug: return spdlog::level::debug;
    case level::info: return spdlog::level::info;
    case level::warning: return spdlog::level::warn;
    case level::error: break;
    }
    return spdlog::level::err;
}

} // namespace

bool enabled(level l) noexcept
{
    return spdlog::default_logger_raw()->should_log(to_spdlog(l));
}

// An entry is one line, whatever a peer has put into the names and values it quotes.
void write(level l, std::string_view text)
{
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    std::string fit;
    if (std::any_of(text.begin(), text.end(), is_control)) {
        for (const char c : text) {
            if (is_control(static_cast<unsigned char>(c)))
                fit += fmt::format("\\x{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
            else
                fit += c;
        }
        text = fit;
    }
    spdlog::default_logger_raw()->log(to_spdlog(l), spdlog::string_view_t(text.data(), text.size()));
}

} // namespace sluice::log
