// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/text.hpp>

#include <string_view>

namespace sluice::detail {

/// Fields that are about a connection, which a program behind a web server has none of: they are that server's to say (RFC 9110
/// section 7.6.1; RFC 3875 section 6.3.4). What `Connection` names beside these goes through: nobody but the app knows what it
/// is. Transfer-Encoding is dealt with where it stands, since it speaks of the body too.
inline bool is_hop_by_hop(std::string_view name) noexcept
{
    switch (name.size()) {
    case 2: return text::equal_nocase(name, "TE");
    case 7: return text::equal_nocase(name, "Trailer") || text::equal_nocase(name, "Upgrade");
    case 10: return text::equal_nocase(name, "Connection") || text::equal_nocase(name, "Keep-Alive");
    case 16: return text::equal_nocase(name, "Proxy-Connection");
    default: return false;
    }
}

} // namespace sluice::detail
