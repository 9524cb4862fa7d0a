/* SPDX-License-Identifier: MIT */
/*
 * Every operator in one row: X(id, ONNX name, min inputs, max inputs, outputs,
 * shape rule). Ids are stable inside a program file: append only. The shape
 * rule is shape_<rule>() in compiler/shape*.c. Names starting with "tuff." are
 * made by passes and never imported.
 */
#ifndef TUFF_OPS_H
#define TUFF_OPS_H

#define TUFF_OPS(X) \
	X(CONV, "Conv", 2, 4, 1, conv) X(CONV_TRANSPOSE, "ConvTranspose", 2, 3, 1, convt) \
	X(GEMM, "Gemm", 2, 4, 1, gemm) X(MATMUL, "MatMul", 2, 4, 1, matmul) \
	X(BATCHNORM, "BatchNormalization", 5, 5, 1, channels) X(INSTANCENORM, "InstanceNormalization", 3, 3, 1, channels) \
	X(LAYERNORM, "LayerNormalization", 2, 3, 3, layernorm) X(LPNORM, "LpNormalization", 1, 1, 1, lpnorm) X(LRN, "LRN", 1, 1, 1, lrn) \
	X(MAXPOOL, "MaxPool", 1, 1, 2, pool) X(AVGPOOL, "AveragePool", 1, 1, 1, pool) \
	X(GLOBAL_AVGPOOL, "GlobalAveragePool", 1, 1, 1, gpool) X(GLOBAL_MAXPOOL, "GlobalMaxPool", 1, 1, 1, gpool) \
	X(SOFTMAX, "Softmax", 1, 1, 1, softmax) X(LOGSOFTMAX, "LogSoftmax", 1, 1, 1, softmax) \
	X(REDUCE_SUM, "ReduceSum", 1, 2, 1, reduce) X(REDUCE_MEAN, "ReduceMean", 1, 2, 1, reduce) X(REDUCE_MAX, "ReduceMax", 1, 2, 1, reduce) \
	X(REDUCE_MIN, "ReduceMin", 1, 2, 1, reduce) X(REDUCE_PROD, "ReduceProd", 1, 2, 1, reduce) X(REDUCE_L1, "ReduceL1", 1, 2, 1, reduce) \
	X(REDUCE_L2, "ReduceL2", 1, 2, 1, reduce) X(REDUCE_SUMSQ, "ReduceSumSquare", 1, 2, 1, reduce) X(REDUCE_LOGSUM, "ReduceLogSum", 1, 2, 1, reduce) \
	X(REDUCE_LOGSUMEXP, "ReduceLogSumExp", 1, 2, 1, reduce) X(ARGMAX, "ArgMax", 1, 1, 1, argmax) X(ARGMIN, "ArgMin", 1, 1, 1, argmax) \
	X(ADD, "Add", 2, 2, 1, bcast) X(SUB, "Sub", 2, 2, 1, bcast) X(MUL, "Mul", 2, 2, 1, bcast) X(DIV, "Div", 2, 2, 1, bcast) X(POW, "Pow", 2, 2, 1, pow) \
	X(MIN, "Min", 1, 0, 1, bcast) X(MAX, "Max", 1, 0, 1, bcast) X(SUM, "Sum", 1, 0, 1, bcast) X(MEAN, "Mean", 1, 0, 1, mean) X(MODULO, "Mod", 2, 2, 1, bcast) \
	X(EQUAL, "Equal", 2, 2, 1, compare) X(LESS, "Less", 2, 2, 1, compare) X(LESS_EQUAL, "LessOrEqual", 2, 2, 1, compare) \
	X(GREATER, "Greater", 2, 2, 1, compare) X(GREATER_EQUAL, "GreaterOrEqual", 2, 2, 1, compare) \
	X(AND, "And", 2, 2, 1, compare) X(OR, "Or", 2, 2, 1, compare) X(XOR, "Xor", 2, 2, 1, compare) X(NOT, "Not", 1, 1, 1, same) X(WHERE, "Where", 3, 3, 1, where) \
	X(NEG, "Neg", 1, 1, 1, same) X(ABS, "Abs", 1, 1, 1, same) X(SIGN, "Sign", 1, 1, 1, same) X(EXP, "Exp", 1, 1, 1, same) X(LOG, "Log", 1, 1, 1, same) \
	X(SQRT, "Sqrt", 1, 1, 1, same) X(RECIPROCAL, "Reciprocal", 1, 1, 1, same) X(SIN, "Sin", 1, 1, 1, same) X(COS, "Cos", 1, 1, 1, same) X(TAN, "Tan", 1, 1, 1, same) \
	X(ASIN, "Asin", 1, 1, 1, same) X(ACOS, "Acos", 1, 1, 1, same) X(ATAN, "Atan", 1, 1, 1, same) X(SINH, "Sinh", 1, 1, 1, same) X(COSH, "Cosh", 1, 1, 1, same) \
	X(TANH, "Tanh", 1, 1, 1, same) X(ASINH, "Asinh", 1, 1, 1, same) X(ACOSH, "Acosh", 1, 1, 1, same) X(ATANH, "Atanh", 1, 1, 1, same) X(ERF, "Erf", 1, 1, 1, same) \
	X(FLOOR, "Floor", 1, 1, 1, same) X(CEIL, "Ceil", 1, 1, 1, same) X(ROUND, "Round", 1, 1, 1, same) X(RELU, "Relu", 1, 1, 1, same) X(SIGMOID, "Sigmoid", 1, 1, 1, same) \
	X(SOFTPLUS, "Softplus", 1, 1, 1, same) X(SOFTSIGN, "Softsign", 1, 1, 1, same) X(LEAKY_RELU, "LeakyRelu", 1, 1, 1, same) X(PRELU, "PRelu", 2, 2, 1, prelu) X(ELU, "Elu", 1, 1, 1, same) \
	X(SELU, "Selu", 1, 1, 1, same) X(CELU, "Celu", 1, 1, 1, same) X(CLIP, "Clip", 1, 3, 1, scalars) X(HARD_SIGMOID, "HardSigmoid", 1, 1, 1, same) X(HARD_SWISH, "HardSwish", 1, 1, 1, same) \
	X(THRESHOLDED_RELU, "ThresholdedRelu", 1, 1, 1, same) X(GELU, "Gelu", 1, 1, 1, same) X(MISH, "Mish", 1, 1, 1, same) X(ISNAN, "IsNaN", 1, 1, 1, isbool) X(ISINF, "IsInf", 1, 1, 1, isbool) \
	X(IDENTITY, "Identity", 1, 1, 1, same) X(DROPOUT, "Dropout", 1, 3, 2, dropout) X(CAST, "Cast", 1, 1, 1, cast) \
	X(RESHAPE, "Reshape", 2, 2, 1, reshape) X(FLATTEN, "Flatten", 1, 1, 1, flatten) X(SQUEEZE, "Squeeze", 1, 2, 1, squeeze) X(UNSQUEEZE, "Unsqueeze", 2, 2, 1, unsqueeze) \
	X(TRANSPOSE, "Transpose", 1, 1, 1, transpose) X(CONCAT, "Concat", 1, 0, 1, concat) X(SPLIT, "Split", 1, 2, 0, split) X(SLICE, "Slice", 3, 5, 1, slice) \
	X(PAD, "Pad", 2, 4, 1, pad) X(TILE, "Tile", 2, 2, 1, tile) X(EXPAND, "Expand", 2, 2, 1, expand) X(GATHER, "Gather", 2, 2, 1, gather) X(GATHER_ELEMENTS, "GatherElements", 2, 2, 1, gatherel) \
	X(GATHER_ND, "GatherND", 2, 2, 1, gathernd) X(SCATTER_ELEMENTS, "ScatterElements", 3, 3, 1, scatterel) X(SCATTER_ND, "ScatterND", 3, 3, 1, scatternd) X(RESIZE, "Resize", 1, 4, 1, resize) \
	X(DEPTH_TO_SPACE, "DepthToSpace", 1, 1, 1, d2s) X(SPACE_TO_DEPTH, "SpaceToDepth", 1, 1, 1, s2d) \
	X(SHAPE, "Shape", 1, 1, 1, shape) X(SIZE, "Size", 1, 1, 1, size) X(CONSTANT, "Constant", 0, 0, 1, constant) X(CONSTANT_OF_SHAPE, "ConstantOfShape", 1, 1, 1, constofshape) \
	X(RANGE, "Range", 3, 3, 1, range) X(CUMSUM, "CumSum", 2, 2, 1, scalars) X(TRILU, "Trilu", 1, 2, 1, scalars) X(EYE_LIKE, "EyeLike", 1, 1, 1, eyelike) X(ONE_HOT, "OneHot", 3, 3, 1, onehot) \
	X(TOPK, "TopK", 2, 2, 2, topk) X(NONZERO, "NonZero", 1, 1, 1, nonzero) X(LSTM, "LSTM", 3, 8, 3, lstm) X(GRU, "GRU", 3, 6, 2, gru) X(EINSUM, "Einsum", 1, 0, 1, einsum) \
	X(FUSED, "tuff.Fused", 0, 3, 1, fused) X(LAYOUT, "tuff.Layout", 1, 1, 1, layout) X(CONVERT, "tuff.Convert", 1, 1, 1, cast) \
	/* most from here on are made of others (decompose.h): gone after shape inference */ \
	X(MS_ATTENTION, "com.microsoft.Attention", 2, 7, 2, ms_attention) X(MS_MHA, "com.microsoft.MultiHeadAttention", 1, 10, 3, ms_mha) \
	X(MS_EMBED, "com.microsoft.EmbedLayerNormalization", 1, 9, 3, ms_embed) X(MS_SKIPNORM, "com.microsoft.SkipLayerNormalization", 3, 5, 4, ms_skipnorm) \
	X(MS_SKIPRMS, "com.microsoft.SkipSimplifiedLayerNormalization", 3, 4, 4, ms_skiprms) X(MS_FAST_GELU, "com.microsoft.FastGelu", 1, 2, 1, ms_gelu) \
	X(MS_GELU, "com.microsoft.Gelu", 1, 1, 1, ms_gelu) X(MS_BIAS_GELU, "com.microsoft.BiasGelu", 2, 2, 1, ms_gelu) \
	X(MS_QUICK_GELU, "com.microsoft.QuickGelu", 1, 1, 1, ms_gelu) X(MS_MATMUL, "com.microsoft.FusedMatMul", 2, 2, 1, ms_matmul) \
	X(ATTENTION, "Attention", 3, 7, 4, attention) X(RMSNORM, "RMSNormalization", 2, 2, 1, rmsnorm) \
	X(SIMPLIFIED_NORM, "SimplifiedLayerNormalization", 2, 2, 1, rmsnorm) \
	X(RNN, "RNN", 3, 6, 2, gru) X(SWISH, "Swish", 1, 1, 1, swish) \
	X(GROUPNORM, "GroupNormalization", 3, 3, 1, groupnorm) X(MVN, "MeanVarianceNormalization", 1, 1, 1, mvn) X(SHRINK, "Shrink", 1, 1, 1, shrink) \
	X(HARDMAX, "Hardmax", 1, 1, 1, hardmax) X(CAST_LIKE, "CastLike", 2, 2, 1, castlike) X(GLOBAL_LPPOOL, "GlobalLpPool", 1, 1, 1, glppool) \
	X(LPPOOL, "LpPool", 1, 1, 1, lppool) X(NLL, "NegativeLogLikelihoodLoss", 2, 3, 1, nll) X(SCE, "SoftmaxCrossEntropyLoss", 2, 3, 2, sce) \
	X(ROTARY, "RotaryEmbedding", 3, 4, 1, rotary) X(REVERSE_SEQUENCE, "ReverseSequence", 2, 2, 1, revseq) \
	X(QUANTIZE, "QuantizeLinear", 2, 3, 1, quantize) X(DEQUANTIZE, "DequantizeLinear", 2, 3, 1, dequantize) \
	X(DYNAMIC_QUANTIZE, "DynamicQuantizeLinear", 1, 1, 3, dynquant) X(MATMUL_INTEGER, "MatMulInteger", 2, 4, 1, matmulint) \
	X(CONV_INTEGER, "ConvInteger", 2, 4, 1, convint) X(QLINEAR_MATMUL, "QLinearMatMul", 8, 8, 1, qmatmul) X(QLINEAR_CONV, "QLinearConv", 8, 9, 1, qconv) \
	X(BIT_SHIFT, "BitShift", 2, 2, 1, bcast) X(BIT_AND, "BitwiseAnd", 2, 2, 1, bcast) X(BIT_OR, "BitwiseOr", 2, 2, 1, bcast) \
	X(BIT_XOR, "BitwiseXor", 2, 2, 1, bcast) X(BIT_NOT, "BitwiseNot", 1, 1, 1, same) X(GRID_SAMPLE, "GridSample", 2, 2, 1, gridsample) \
	X(MS_QADD, "com.microsoft.QLinearAdd", 2, 8, 1, qbinary) X(MS_QMUL, "com.microsoft.QLinearMul", 2, 8, 1, qbinary) \
	X(MS_QAVGPOOL, "com.microsoft.QLinearAveragePool", 2, 5, 1, qunary) X(MS_QGAVGPOOL, "com.microsoft.QLinearGlobalAveragePool", 2, 5, 1, qunary) \
	X(MS_QSIGMOID, "com.microsoft.QLinearSigmoid", 2, 5, 1, qunary) X(MS_QLEAKY, "com.microsoft.QLinearLeakyRelu", 2, 5, 1, qunary) \
	X(MS_QSOFTMAX, "com.microsoft.QLinearSoftmax", 2, 5, 1, qunary) \
	X(KNOWN, "tuff.Known", 0, 0, 1, known) \
	/* the session's interpreter runs these; RUN is a segment between them */ \
	X(RUN, "tuff.Run", 0, 0, 0, constant) X(COMPRESS, "Compress", 2, 2, 1, compress) X(UNIQUE, "Unique", 1, 1, 4, unique) \
	X(NMS, "NonMaxSuppression", 2, 5, 1, nms) X(SIZED, "tuff.Sized", 1, 5, 1, constant) \
	X(IF, "If", 0, 0, 0, if) X(LOOP, "Loop", 0, 0, 0, loop) X(SCAN, "Scan", 0, 0, 0, scan) \
	X(SEQ_EMPTY, "SequenceEmpty", 0, 0, 1, seqempty) X(SEQ_CONSTRUCT, "SequenceConstruct", 1, 0, 1, seqconstruct) \
	X(SEQ_INSERT, "SequenceInsert", 2, 3, 1, seqinsert) X(SEQ_ERASE, "SequenceErase", 1, 2, 1, seqerase) \
	X(SEQ_AT, "SequenceAt", 2, 2, 1, seqat) X(SEQ_LENGTH, "SequenceLength", 1, 1, 1, seqlength) \
	X(SEQ_CONCAT, "ConcatFromSequence", 1, 1, 1, seqconcat) X(SEQ_SPLIT, "SplitToSequence", 1, 2, 1, seqsplit) \
	X(PASS, "tuff.Pass", 1, 1, 1, seqpass) X(OPTIONAL, "Optional", 1, 1, 1, constant) \
	X(OPTIONAL_GET, "OptionalGetElement", 1, 1, 1, constant) X(OPTIONAL_HAS, "OptionalHasElement", 0, 1, 1, constant)

enum tuff_op {
#define X(id, name, lo, hi, out, rule) TUFF_OP_##id,
	TUFF_OPS(X)
#undef X
	TUFF_OP_COUNT,
};
/* program/ops.c */
const char *tuff_op_name(unsigned int op);
int tuff_op_regions(unsigned int op);	/* regions of an operator that the interpreter runs; -1: of no other */

#endif
