// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

/// sluice's own log: spdlog's default logger, behind a header that costs little to include.
namespace sluice::log {

enum class level { trace, debug, info, warning, error };

bool enabled(level l) noexcept;
void write(level l, std::string_view text);

template <class... Args>
void write(level l, fmt::format_string<Args...> format, Args&&... args)
{
    if (enabled(l))
        write(l, std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args)
{
    write(level::trace, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args)
{
    write(level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args)
{
    write(level::warning, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args)
{
    write(level::error, format, std::forward<Args>(args)...);
}

} // namespace sluice::log
