// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string_view>

/// The two things systemd and we have to tell each other. Both protocols are a few lines: no library for them.
namespace sluice::systemd {

/// The socket of a `.socket` unit, passed by sd_listen_fds(3); nothing when we were not started by one. The variables are
/// removed, so that child processes do not take it for theirs.
/// Errors: throws std::invalid_argument when there are several: a program serves one.
std::optional<int> activated_socket();

/// Says "READY=1" and the like to a unit of `Type=notify`, see sd_notify(3); nothing where nobody listens.
void notify(std::string_view state) noexcept;

} // namespace sluice::systemd
