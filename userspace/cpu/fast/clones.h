/* SPDX-License-Identifier: MIT */
/*
 * CPU_CLONES before a function: compiled for the wide units too, the right one
 * taken when the library is loaded. Sanitizers are not ready that early.
 */
#ifndef TUFF_CPU_CLONES_H
#define TUFF_CPU_CLONES_H

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CPU_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CPU_CLONES
#endif

#endif
