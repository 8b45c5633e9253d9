// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_redirect.hpp"

namespace sluice::cgi {

error_code redirect(environment& env, std::string_view target, std::string& why)
{
    const bool head = env.method() == "HEAD";
    // What the web server made of the first URL says nothing of this one; the finder makes it anew.
    for (const char* const name :
         {"CONTENT_LENGTH", "CONTENT_TYPE", "SCRIPT_FILENAME", "PATH_TRANSLATED", "SCRIPT_NAME", "PATH_INFO"})
        env.erase(name);
    const auto question = target.find('?');
    env.set("REQUEST_METHOD", head ? "HEAD" : "GET");
    env.set("REQUEST_URI", target);
    env.set("QUERY_STRING", question == target.npos ? std::string_view() : target.substr(question + 1));
    return normalize(env, {}, &why);
}

} // namespace sluice::cgi
