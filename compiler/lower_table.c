// SPDX-License-Identifier: MIT
/* Which lowering an operator has. */
#include "compiler/launch.h"

const struct lower_ops *const lower_table[TUFF_OP_COUNT] = {
	[TUFF_OP_ADD ... TUFF_OP_IDENTITY] = &lower_ew, [TUFF_OP_CAST] = &lower_ew,
	[TUFF_OP_FUSED] = &lower_ew, [TUFF_OP_SWISH] = &lower_ew,
	[TUFF_OP_CONV] = &lower_conv, [TUFF_OP_CONV_TRANSPOSE] = &lower_convt,
	[TUFF_OP_GEMM] = &lower_gemm, [TUFF_OP_MATMUL] = &lower_matmul,
	[TUFF_OP_MAXPOOL] = &lower_pool, [TUFF_OP_AVGPOOL] = &lower_pool,
	[TUFF_OP_GLOBAL_AVGPOOL] = &lower_gpool, [TUFF_OP_GLOBAL_MAXPOOL] = &lower_gpool,
	[TUFF_OP_BATCHNORM] = &lower_batchnorm, [TUFF_OP_LAYERNORM] = &lower_layernorm,
	[TUFF_OP_INSTANCENORM] = &lower_instancenorm, [TUFF_OP_LRN] = &lower_lrn,
	[TUFF_OP_SOFTMAX] = &lower_softmax, [TUFF_OP_LOGSOFTMAX] = &lower_softmax,
	[TUFF_OP_REDUCE_SUM ... TUFF_OP_REDUCE_LOGSUMEXP] = &lower_reduce,
	[TUFF_OP_ARGMAX] = &lower_argmax, [TUFF_OP_ARGMIN] = &lower_argmax,
	[TUFF_OP_TRANSPOSE] = &lower_transpose, [TUFF_OP_CONCAT] = &lower_concat,
	[TUFF_OP_SPLIT] = &lower_split, [TUFF_OP_SLICE] = &lower_slice, [TUFF_OP_PAD] = &lower_pad,
	[TUFF_OP_TILE] = &lower_tile, [TUFF_OP_EXPAND] = &lower_expand, [TUFF_OP_GATHER] = &lower_gather,
	[TUFF_OP_RESIZE] = &lower_resize, [TUFF_OP_CUMSUM] = &lower_cumsum, [TUFF_OP_TRILU] = &lower_trilu,
	[TUFF_OP_RANGE] = &lower_range, [TUFF_OP_KNOWN] = &lower_known,
	[TUFF_OP_LSTM] = &lower_rnn, [TUFF_OP_GRU] = &lower_rnn, [TUFF_OP_RNN] = &lower_rnn,
	[TUFF_OP_GATHER_ELEMENTS] = &lower_index_elements, [TUFF_OP_SCATTER_ELEMENTS] = &lower_index_elements,
	[TUFF_OP_GATHER_ND] = &lower_index_nd, [TUFF_OP_SCATTER_ND] = &lower_index_nd, [TUFF_OP_TOPK] = &lower_topk,
	[TUFF_OP_GRID_SAMPLE] = &lower_gridsample,
	[TUFF_OP_LAYOUT] = &lower_layout, [TUFF_OP_CONVERT] = &lower_convert,
};
