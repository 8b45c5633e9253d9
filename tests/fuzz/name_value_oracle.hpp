// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/name_value.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::fuzz {

/// Name-value pairs read the plain way, from section 3.4 of the specification and the comment of `name_value_decoder`: what
/// the decoder is compared with.
class name_value_oracle {
public:
    explicit name_value_oracle(const fcgi::name_value_decoder::bounds& limit) : limit_(limit) {}

    void feed(std::string_view piece)
    {
        text_ += piece;
        while (!fault && take_pair()) {
        }
    }

    std::vector<std::pair<std::string, std::string>> fields;
    std::optional<fcgi::errc> fault;

    bool complete() const noexcept { return at_ == text_.size(); }

private:
    std::optional<std::size_t> take_length(std::size_t& at) const
    {
        const auto byte = [&](std::size_t i) {
            return static_cast<std::size_t>(static_cast<unsigned char>(text_[at + i]));
        };
        if (at >= text_.size())
            return std::nullopt;
        if (byte(0) < 128)
            return static_cast<std::size_t>(static_cast<unsigned char>(text_[at++]));
        if (text_.size() - at < 4)
            return std::nullopt;
        const auto n = ((byte(0) - 128) * 256 * 256 * 256) + byte(1) * 256 * 256 + byte(2) * 256 + byte(3);
        at += 4;
        return n;
    }

    bool take_pair()
    {
        std::size_t at = at_;
        const auto name = take_length(at);
        const auto value = name ? take_length(at) : std::nullopt;
        if (!value)
            return false;
        if (*name == 0)
            fault = fcgi::errc::params_empty_name;
        else if (bytes_ + *name + *value > limit_.bytes)
            fault = fcgi::errc::params_too_large;
        else if (fields.size() >= limit_.count)
            fault = fcgi::errc::params_too_many;
        if (fault || text_.size() - at < *name + *value)
            return false;
        if (text_.substr(at, *name + *value).find('\0') != std::string::npos) {
            fault = fcgi::errc::params_nul;
            return false;
        }
        fields.emplace_back(text_.substr(at, *name), text_.substr(at + *name, *value));
        bytes_ += *name + *value;
        at_ = at + *name + *value;
        return true;
    }

    fcgi::name_value_decoder::bounds limit_;
    std::string text_;
    std::size_t at_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace sluice::fuzz
