/* SPDX-License-Identifier: MIT */
/* oneDNN as the pool uses it: one engine, a stream for each thread. */
#ifndef TUFF_CPU_DNNL_H
#define TUFF_CPU_DNNL_H

#include <oneapi/dnnl/dnnl.h>

dnnl_engine_t cpu_dnnl_engine(void);	/* NULL: oneDNN cannot start */
dnnl_stream_t cpu_dnnl_stream(void);
/* how oneDNN calls an activation; false: it has none like it */
int cpu_dnnl_act(int act, float p0, float p1, dnnl_alg_kind_t *alg, float *alpha, float *beta);
int cpu_dnnl_errno(dnnl_status_t st);

#endif
