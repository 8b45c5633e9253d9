// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/name_value.hpp>
#include <sluice/field_list.hpp>

#ifdef CONSUMER_HAS_LIBFCGI
#include <sluice/libfcgi/bridge.hpp>

#include <fcgiapp.h>
#endif

#include <cstdio>
#include <string>

// Code of sluice::fcgi and, below it, of sluice::core.
int main()
{
    std::string bytes;
    sluice::fcgi::encode_name_value("SCRIPT_NAME", "/consumer", bytes);

    sluice::field_list fields;
    sluice::fcgi::name_value_decoder decoder;
    if (const auto ec = decoder.feed(bytes, {1024, 10}, fields)) {
        std::fprintf(stderr, "consumer: %s\n", ec.message().c_str());
        return 1;
    }
    if (fields.size() != 1 || fields.get("SCRIPT_NAME") != "/consumer" || !decoder.complete())
        return 1;
    if (sluice::fcgi::make_error_code(sluice::fcgi::errc::params_nul).message().empty())
        return 1;
#ifdef CONSUMER_HAS_LIBFCGI
    // Nothing is accepted here; that both libraries are linked is enough.
    sluice::libfcgi::bridge bridge([](sluice::request&) { return sluice::response{}; });
    if (FCGX_Init() != 0 || bridge.stats().requests != 0)
        return 1;
#endif
    std::puts("consumer: sluice::fcgi works");
    return 0;
}
