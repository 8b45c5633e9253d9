// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "normalize_places.hpp"

#include <bitset>
#include <cstdint>
#include <cstring>

namespace sluice::normalizing {
namespace {

/// True when `name`, known to be as long as that of `V`, is the name of `V`: one or two instructions, as the
/// length is a constant.
template <variable V>
bool is(std::string_view name) noexcept
{
    return std::memcmp(name.data(), names[V].data(), names[V].size()) == 0;
}

/// The one of `Candidates`, all of one length, that has this name; `variables` when none has.
template <variable... Candidates>
variable one_of(std::string_view name) noexcept
{
    variable found = variables;
    static_cast<void>(((is<Candidates>(name) && (found = Candidates, true)) || ...));
    return found;
}

variable classify(std::string_view name) noexcept
{
    switch (name.size()) {
    case 5: return one_of<https>(name);
    case 9: return one_of<path_info, http_host>(name);
    case 10: return one_of<http_proxy>(name);
    case 11: return one_of<script_name, request_uri, server_name, server_port, server_addr>(name);
    case 12: return one_of<query_string, content_type>(name);
    case 14: return one_of<request_method, content_length, request_scheme>(name);
    case 15: return one_of<server_protocol, script_filename>(name);
    case 17: return one_of<http_content_type>(name);
    case 19: return one_of<http_content_length>(name);
    default: return variables;
    }
}

/// Says "perhaps" when a name was seen before, never "no" when it was.
class seen_names {
public:
    bool insert(std::uint32_t key) noexcept
    {
        const std::size_t slot = (key * 0x9e3779b1U) >> 20; // Fibonacci hashing: the top 12 bits
        const bool seen = slots_[slot];
        slots_[slot] = true;
        return seen;
    }

private:
    std::bitset<4096> slots_;
};

} // namespace

bool places::find() noexcept
{
    at_.fill(nowhere);
    bool repeats = false;
    seen_names seen;
    // Each doubt is settled by a search, but no peer shall make us search for each of its names.
    constexpr int most_doubts = 8;
    int doubts = 0;
    for (std::size_t i = 0; i < env_.size(); ++i) {
        const std::string_view name = env_[i].name;
        if (seen.insert(env_.key(i)))
            repeats |= ++doubts > most_doubts || env_.find(name) != i;
        if (const variable v = classify(name); v != variables)
            at_[v] = i;
    }
    return repeats;
}

} // namespace sluice::normalizing
