// SPDX-License-Identifier: MIT
/* The engine, and what oneDNN calls our activations. */
#include <errno.h>
#include <math.h>
#include <pthread.h>

#include "program/program.h"
#include "userspace/cpu/fast/dnnl.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static dnnl_engine_t engine;
static dnnl_stream_t stream;	/* an eager CPU stream keeps no state of what it runs */

static void start(void)
{
	if (dnnl_engine_create(&engine, dnnl_cpu, 0))
		engine = NULL;
	else if (dnnl_stream_create(&stream, engine, dnnl_stream_default_flags))
		stream = NULL;
}

static void __attribute__((destructor)) end(void)
{
	if (stream)
		dnnl_stream_destroy(stream);
	if (engine)
		dnnl_engine_destroy(engine);
}

dnnl_engine_t cpu_dnnl_engine(void)
{
	pthread_once(&once, start);
	return stream ? engine : NULL;
}

dnnl_stream_t cpu_dnnl_stream(void)
{
	return stream;
}

int cpu_dnnl_act(int act, float p0, float p1, dnnl_alg_kind_t *alg, float *alpha, float *beta)
{
	*alpha = *beta = 0;
	switch (act) {
	case TUFF_EW_RELU:
		*alg = dnnl_eltwise_relu;
		return 1;
	case TUFF_EW_LEAKY:
		*alg = dnnl_eltwise_relu;
		*alpha = p0;
		return 1;
	case TUFF_EW_SIGMOID:
		*alg = dnnl_eltwise_logistic;
		return 1;
	case TUFF_EW_TANH:
		*alg = dnnl_eltwise_tanh;
		return 1;
	case TUFF_EW_SWISH:
		*alg = dnnl_eltwise_swish;
		*alpha = 1;
		return 1;
	case TUFF_EW_HARDSWISH:
		*alg = dnnl_eltwise_hardswish;
		return 1;
	case TUFF_EW_CLIP:
		if (!isfinite(p0) || !isfinite(p1))
			return 0;
		*alg = dnnl_eltwise_clip;
		*alpha = p0;
		*beta = p1;
		return 1;
	case TUFF_EW_GELU:
		*alg = p0 ? dnnl_eltwise_gelu_tanh : dnnl_eltwise_gelu_erf;
		return 1;
	case TUFF_EW_ELU:
		*alg = dnnl_eltwise_elu;
		*alpha = p0;
		return 1;
	}
	return 0;
}

int cpu_dnnl_errno(dnnl_status_t st)
{
	return st == dnnl_out_of_memory ? -ENOMEM : st == dnnl_unimplemented || st == dnnl_invalid_arguments ? -EOPNOTSUPP : -EIO;
}
