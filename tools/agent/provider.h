/* SPDX-License-Identifier: MIT OR Unlicense */
/* Which model is asked, where, and with which key. */
#ifndef AGENT_PROVIDER_H
#define AGENT_PROVIDER_H

#include "asm_llm.h"

enum { PROVIDER_URL_SIZE = 1024, PROVIDER_MODEL_SIZE = 256, PROVIDER_SECRETS = 48 };

/* What the options say; all may be absent. */
struct provider_settings {
    const char *url, *model;
    int api; /* an asm_llm_api; -1: by the URL and the keys */
    bool is_local;
};

struct provider {
    asm_llm_api api;
    char url[PROVIDER_URL_SIZE];   /* what comes before a request's path */
    char query[PROVIDER_URL_SIZE]; /* what comes after it: empty, or from ? on */
    asm_str host;                  /* the part of it that may be shown: without a user and a password */
    char model[PROVIDER_MODEL_SIZE];
    char *key;        /* NULL: none. Nothing ever shows it */
    char *key_header; /* the line that has it; NULL: none */
    /* The key, and what the URL has: a user's name and password, the values of the query; each as it is written, and
     * as it is sent. */
    asm_str secrets[PROVIDER_SECRETS];
    char *kept[PROVIDER_SECRETS]; /* what these are views of */
    size_t secret_count;
    bool is_loopback;
};

/* Finds out; ends the program with a message if that cannot be done. The keys are taken out of the environment, so that
 * no process that is started inherits one. */
void provider_init(struct provider *provider, const struct provider_settings *settings);

void provider_free(struct provider *provider);

/* The values of --api. */
const char *api_choice(int index);

#endif
