// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_redirect.hpp"

namespace sluice::cgi {

error_code redirect(environment& env, std::string_view target, const std::string& mount, std::string& why)
{
    const bool head = env.method() == "HEAD";
    // What the web server made of the first URL says nothing of this one; the finder makes it anew.
    for (const char* const name :
         {"CONTENT_LENGTH", "CONTENT_TYPE", "DOCUMENT_URI", "PATH_INFO", "PATH_TRANSLATED", "SCRIPT_FILENAME",
          "SCRIPT_NAME", "SCRIPT_URI", "SCRIPT_URL"})
        env.erase(name);
    const auto question = target.find('?');
    env.set("REQUEST_METHOD", head ? "HEAD" : "GET");
    env.set("REQUEST_URI", target);
    env.set("QUERY_STRING", question == target.npos ? std::string_view() : target.substr(question + 1));
    normalize_options how;
    how.mount_point = mount;
    return normalize(env, how, &why);
}

} // namespace sluice::cgi
