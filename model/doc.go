// Package model is the parent of the algorithms, file formats and types of beamlearn. Nothing below it imports Beam:
// each package is usable as a plain Go library, and the Beam composites in transforms are adapters around it.
//
//   - [beamlearn/model/vectors]: blocks of rows with their ids;
//   - [beamlearn/model/formats]: reading vectors from .npy, .csv, .jsonl, .parquet, .fvecs, .fbin and their kin;
//   - [beamlearn/model/neighbors]: exact nearest neighbours, by the names of scikit-learn's NearestNeighbors;
//   - [beamlearn/model/results]: writing neighbours as .csv, .jsonl, .parquet and .npy;
//   - [beamlearn/model/linear]: linear models by stochastic gradient descent, chunk by chunk, by the names of
//     scikit-learn;
//   - [beamlearn/model/fault]: errors that name the file, row and column that a user has to mend.
package model
