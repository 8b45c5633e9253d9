// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "fcgi_answer.hpp"
#include "http_answer.hpp"

namespace bench {

std::string request_of(const options& opt)
{
    return opt.http ? wire::http_request(opt.target) : wire::plain_request(opt.target, opt.keep);
}

std::unique_ptr<answer> answer_of(const options& opt)
{
    if (opt.http)
        return std::make_unique<http_answer>();
    return std::make_unique<fcgi_answer>();
}

} // namespace bench
