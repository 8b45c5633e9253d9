// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string_view>

namespace sluice::detail {

/// How much a client wants `name`, by a list of weighted preferences as Accept-Encoding has it (RFC 9110 section
/// 12.4.2): in thousandths, 0 for "not acceptable"; nothing when the list does not name it. Names are compared
/// without regard to case; an element whose weight is none is not counted. Where a name is listed twice, the first
/// counts.
std::optional<int> weight_of(std::string_view list, std::string_view name) noexcept;

/// Whether a response may be sent as `coding` to a client that sent this Accept-Encoding (RFC 9110 section 12.5.3):
/// it is named, or matched by "*", with a weight that is not 0 and not below that of a body as it is, where the
/// client gives that one. False for an empty field: a client that says nothing is sent no coding.
bool prefers_coding(std::string_view accept_encoding, std::string_view coding) noexcept;

/// Whether a client that sent this Accept is to get `html` instead of plain text (RFC 9110 section 12.5.1): its
/// weight, the most specific that names it, is above 0 and not below that of plain text. False for an empty field.
bool prefers_html(std::string_view accept) noexcept;

} // namespace sluice::detail
