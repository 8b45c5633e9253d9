// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/authorization.hpp>

#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace sluice {

authorization authorization::allow(std::initializer_list<field> variables)
{
    response yes;
    yes.headers.add("Content-Type", "text/plain");
    for (const field& v : variables)
        yes.headers.add(std::string("Variable-").append(v.name), v.value);
    return authorization(std::move(yes));
}

authorization authorization::deny(response answer)
{
    if (answer.status < 300)
        throw std::invalid_argument(fmt::format(
            "sluice::authorization::deny: a web server takes status {} for a yes", answer.status));
    if (status_allows_body(answer.status) && !answer.headers.contains("Content-Type"))
        answer.headers.add("Content-Type", "text/plain; charset=utf-8");
    return authorization(std::move(answer));
}

authorization authorization::deny(int status, header_list headers, std::string text)
{
    return deny(response{status, std::move(headers), std::move(text), {}});
}

} // namespace sluice
