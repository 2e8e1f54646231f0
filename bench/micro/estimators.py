"""Fits the estimators of estimators.ts into a folder: NAME.joblib, and rows.json / words.json with 1000 rows. Prints their names and methods as JSON."""
import json
import sys
import warnings

import joblib
import numpy
from sklearn import cluster, covariance, decomposition, discriminant_analysis, ensemble, gaussian_process, impute, isotonic, kernel_approximation
from sklearn import kernel_ridge, linear_model, mixture, naive_bayes, neighbors, neural_network, pipeline, preprocessing, svm, tree

warnings.simplefilter("ignore")
folder = sys.argv[1]
random = numpy.random.RandomState(0)

FEATURES = 20
X = random.normal(size=(1000, FEATURES))
classes = (X[:, 0] + X[:, 1] ** 2 + random.normal(scale=0.5, size=1000) > 0.8).astype(int) + (X[:, 2] > 0.7)
target = X[:, 0] * 2 + numpy.sin(3 * X[:, 1]) + random.normal(scale=0.1, size=1000)
counts = random.poisson(2.0, size=(1000, FEATURES)).astype(float)
digits = random.randint(0, 12, size=(1000, 6)).astype(float)
words = numpy.array([[f"{'abcdef'[column]}{int(value)}" for column, value in enumerate(row)] for row in digits], dtype=object)
gaps = X.copy()
gaps[random.rand(*X.shape) < 0.05] = numpy.nan

scaled = pipeline.make_pipeline
scaler = preprocessing.StandardScaler
# name, estimator, method, what it is fitted on and measured with
ESTIMATORS = [
    ("LogisticRegression", linear_model.LogisticRegression(), "predict_proba", X),
    ("LogisticRegression label", linear_model.LogisticRegression(), "predict", X),
    ("StandardScaler + LogisticRegression", scaled(scaler(), linear_model.LogisticRegression()), "predict_proba", X),
    ("LinearRegression", linear_model.LinearRegression(), "predict", X),
    ("SGDClassifier", linear_model.SGDClassifier(), "decision_function", X),
    ("BayesianRidge", linear_model.BayesianRidge(), "predict", X),
    ("LinearSVC", svm.LinearSVC(), "predict", X),
    ("LinearDiscriminantAnalysis", discriminant_analysis.LinearDiscriminantAnalysis(), "predict_proba", X),
    ("QuadraticDiscriminantAnalysis", discriminant_analysis.QuadraticDiscriminantAnalysis(), "predict_proba", X),
    ("GaussianNB", naive_bayes.GaussianNB(), "predict_proba", X),
    ("MultinomialNB", naive_bayes.MultinomialNB(), "predict_proba", counts),
    ("BernoulliNB", naive_bayes.BernoulliNB(), "predict_proba", X),
    ("SVC, RBF", scaled(scaler(), svm.SVC(probability=False)), "decision_function", X),
    ("SVC, RBF, probabilities", svm.SVC(probability=True, random_state=0), "predict_proba", X),
    ("SVC, polynomial", svm.SVC(kernel="poly"), "predict", X),
    ("SVR", svm.SVR(), "predict", X),
    ("KNeighborsClassifier, 5 features", neighbors.KNeighborsClassifier(), "predict_proba", X[:, :5]),
    ("KNeighborsClassifier, brute", neighbors.KNeighborsClassifier(algorithm="brute"), "predict_proba", X),
    ("KNeighborsRegressor, by distance", neighbors.KNeighborsRegressor(weights="distance"), "predict", X),
    ("KNeighborsClassifier, Minkowski 3", neighbors.KNeighborsClassifier(p=3), "predict", X[:, :5]),
    ("KNeighborsClassifier, cosine", neighbors.KNeighborsClassifier(metric="cosine"), "predict", X),
    ("NearestCentroid", neighbors.NearestCentroid(), "predict", X),
    ("LocalOutlierFactor", neighbors.LocalOutlierFactor(novelty=True), "decision_function", X),
    ("KernelRidge, RBF", kernel_ridge.KernelRidge(kernel="rbf"), "predict", X),
    ("GaussianProcessRegressor", gaussian_process.GaussianProcessRegressor(alpha=0.1), "predict", X),
    ("MLPClassifier, 64", neural_network.MLPClassifier((64,), max_iter=20, random_state=0), "predict_proba", X),
    ("MLPRegressor, 128 and 64", neural_network.MLPRegressor((128, 64), activation="tanh", max_iter=20, random_state=0), "predict", X),
    ("DecisionTreeClassifier", tree.DecisionTreeClassifier(random_state=0), "predict_proba", X),
    ("RandomForestClassifier", ensemble.RandomForestClassifier(100, random_state=0), "predict_proba", X),
    ("ExtraTreesRegressor", ensemble.ExtraTreesRegressor(100, random_state=0), "predict", X),
    ("GradientBoostingClassifier", ensemble.GradientBoostingClassifier(random_state=0), "predict_proba", X),
    ("HistGradientBoostingRegressor", ensemble.HistGradientBoostingRegressor(random_state=0), "predict", X),
    ("AdaBoostClassifier", ensemble.AdaBoostClassifier(random_state=0), "predict_proba", X),
    ("IsolationForest", ensemble.IsolationForest(random_state=0), "score_samples", X),
    ("VotingClassifier", ensemble.VotingClassifier([("a", linear_model.LogisticRegression()), ("b", naive_bayes.GaussianNB())], voting="soft"), "predict_proba", X),
    ("StackingRegressor", ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=4))]), "predict", X),
    ("KMeans", cluster.KMeans(8, n_init=1, random_state=0), "predict", X),
    ("KMeans, distances", cluster.KMeans(8, n_init=1, random_state=0), "transform", X),
    ("GaussianMixture", mixture.GaussianMixture(4, random_state=0), "predict_proba", X),
    ("EllipticEnvelope", covariance.EllipticEnvelope(random_state=0), "decision_function", X),
    ("OneClassSVM", svm.OneClassSVM(), "decision_function", X),
    ("IsotonicRegression", isotonic.IsotonicRegression(out_of_bounds="clip"), "predict", X[:, :1]),
    ("StandardScaler", scaler(), "transform", X),
    ("MinMaxScaler", preprocessing.MinMaxScaler(), "transform", X),
    ("RobustScaler", preprocessing.RobustScaler(), "transform", X),
    ("Normalizer", preprocessing.Normalizer(), "transform", X),
    ("StandardScaler + PCA", scaled(scaler(), decomposition.PCA(8)), "transform", X),
    ("TruncatedSVD", decomposition.TruncatedSVD(8, random_state=0), "transform", X),
    ("FastICA", decomposition.FastICA(8, random_state=0, whiten="unit-variance"), "transform", X),
    ("NMF", decomposition.NMF(4, random_state=0, init="nndsvda"), "transform", counts),
    ("KernelPCA", decomposition.KernelPCA(4, kernel="rbf"), "transform", X),
    ("Nystroem", kernel_approximation.Nystroem(n_components=50, random_state=0), "transform", X),
    ("RBFSampler", kernel_approximation.RBFSampler(random_state=0), "transform", X),
    ("PowerTransformer", preprocessing.PowerTransformer(), "transform", X),
    ("QuantileTransformer", preprocessing.QuantileTransformer(n_quantiles=500), "transform", X),
    ("PolynomialFeatures", preprocessing.PolynomialFeatures(2), "transform", X),
    ("PolynomialFeatures + Ridge", scaled(preprocessing.PolynomialFeatures(2), linear_model.Ridge()), "predict", X),
    ("SplineTransformer", preprocessing.SplineTransformer(), "transform", X),
    ("SplineTransformer + Ridge", scaled(preprocessing.SplineTransformer(), linear_model.Ridge()), "predict", X),
    ("KBinsDiscretizer", preprocessing.KBinsDiscretizer(8, encode="onehot-dense", strategy="quantile"), "transform", X),
    ("OneHotEncoder, numbers", preprocessing.OneHotEncoder(sparse_output=False), "transform", digits),
    ("OneHotEncoder, strings", preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore"), "transform", words),
    ("OneHotEncoder + LogisticRegression", scaled(preprocessing.OneHotEncoder(handle_unknown="ignore"), linear_model.LogisticRegression()), "predict_proba", words),
    ("OrdinalEncoder, strings", preprocessing.OrdinalEncoder(), "transform", words),
    ("SimpleImputer", impute.SimpleImputer(), "transform", gaps),
    ("KNNImputer", impute.KNNImputer(), "transform", gaps),
]

listed = []
for index, (name, estimator, method, rows) in enumerate(ESTIMATORS):
    estimator.fit(rows, target if getattr(estimator, "_estimator_type", None) == "regressor" else classes)
    joblib.dump(estimator, f"{folder}/{index}.joblib")
    # Rows that no neighbour or support vector equals.
    measured = rows if rows.dtype == object or rows is digits or rows is counts else rows + 0.01 * random.normal(size=rows.shape)
    with open(f"{folder}/{index}.json", "w") as file:
        json.dump([[None if value != value else value for value in row] for row in measured.tolist()], file)
    listed.append({"name": name, "method": method})
print(json.dumps(listed))
